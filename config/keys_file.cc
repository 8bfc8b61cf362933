#include "config/keys_file.h"

#include <cerrno>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "config/units.h"
#include "fmt/format.h"
#include "proxy/base/status_macros.h"

namespace hawser::config {
namespace {

constexpr size_t kMostKeyBytes = 1 << 20;

std::string_view Trim(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

absl::Status Unreadable() {
  return absl::UnavailableError(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
}

absl::StatusOr<std::string> ReadAll(int fd, size_t most) {
  std::string text;
  char chunk[16 * 1024];
  while (text.size() <= most) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {  // another process that shares stdin may have set O_NONBLOCK
      pollfd input{.fd = fd, .events = POLLIN, .revents = 0};
      poll(&input, 1, -1);
      continue;
    }
    if (got < 0) return Unreadable();
    if (got == 0) break;
    text.append(chunk, static_cast<size_t>(got));
  }
  if (text.size() > most) return absl::OutOfRangeError("is larger than " + FormatSize({most}));
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Unreadable();
  auto text = ReadAll(fd, most);
  close(fd);
  return text;
}

absl::StatusOr<std::string> ReadStdin(size_t most) {
  return ReadAll(STDIN_FILENO, most);
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

absl::StatusOr<std::vector<Secret>> ReadKeys(const std::string& path) {
  HAWSER_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostKeyBytes));
  std::vector<Secret> keys;
  std::string_view rest = WithoutByteOrderMark(text);
  for (int number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = Trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (line.size() < kShortestKey) {
      return absl::InvalidArgumentError(fmt::format("line {} has {} bytes", number, line.size()));
    }
    keys.push_back({std::string(line)});
  }
  if (keys.empty()) return absl::InvalidArgumentError("holds no key");
  return keys;
}

}  // namespace hawser::config
