#include "tests/integration/harness/recording_backend.h"

#include <charconv>
#include <list>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace hawser::integration {
namespace {

size_t Number(std::string_view text, int base) {
  size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

// The end of a chunked body that begins at `at`; 0 if it is not whole.
size_t EndOfChunks(std::string_view bytes, size_t at) {
  while (true) {
    const size_t line = bytes.find("\r\n", at);
    if (line == std::string_view::npos) return 0;
    const size_t size = Number(bytes.substr(at, line - at), 16);
    if (size == 0) break;
    at = line + 2 + size + 2;
    if (at > bytes.size()) return 0;
  }
  const size_t last = bytes.find("\r\n\r\n", at);
  return last == std::string_view::npos ? 0 : last + 4;
}

}  // namespace

size_t RequestLength(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const Head head = ParseHead(std::string(bytes.substr(0, end + 4)));
  if (!head.All("Transfer-Encoding").empty()) return EndOfChunks(bytes, end + 4);
  const std::vector<std::string> lengths = head.All("Content-Length");
  const size_t length = end + 4 + (lengths.empty() ? 0 : Number(lengths.front(), 10));
  return bytes.size() >= length ? length : 0;
}

RecordingBackend::RecordingBackend(std::string response)
    : response_(std::move(response)), stop_(eventfd(0, EFD_CLOEXEC)), thread_([this] { Run(); }) {}

RecordingBackend::~RecordingBackend() {
  eventfd_write(stop_.fd(), 1);
  thread_.join();
}

std::string RecordingBackend::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(received_, {});
}

// False when the connection is over.
bool RecordingBackend::OnReadable(int fd, std::string& unanswered) {
  char bytes[65536];
  const ssize_t count = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (count <= 0) return count < 0 && errno == EAGAIN;
  const std::string_view got(bytes, static_cast<size_t>(count));
  unanswered += got;
  {
    const std::lock_guard lock(mutex_);
    received_ += got;
  }
  for (size_t length = RequestLength(unanswered); length > 0; length = RequestLength(unanswered)) {
    unanswered.erase(0, length);
    if (send(fd, response_.data(), response_.size(), MSG_NOSIGNAL) < 0) return false;
  }
  return true;
}

void RecordingBackend::Run() {
  struct Connection {
    net::Socket socket;
    std::string unanswered;  // the start of a request that is not whole
  };
  std::list<Connection> connections;
  while (true) {
    std::vector<pollfd> descriptors = {{stop_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
    for (const Connection& connection : connections)
      descriptors.push_back({connection.socket.fd(), POLLIN, 0});
    poll(descriptors.data(), descriptors.size(), -1);
    if (descriptors[0].revents != 0) return;
    size_t index = 2;
    for (auto it = connections.begin(); it != connections.end(); ++index) {
      const bool over = descriptors[index].revents != 0 && !OnReadable(it->socket.fd(), it->unanswered);
      it = over ? connections.erase(it) : std::next(it);
    }
    if (descriptors[1].revents == 0) continue;
    net::Socket socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.open()) connections.push_back({.socket = std::move(socket), .unanswered = {}});
  }
}

}  // namespace hawser::integration
