#include "proxy/server/start_check.h"

#include <string>
#include <utility>

#include "proxy/net/line_writer.h"
#include "proxy/net/socket.h"
#include "proxy/server/machine.h"
#include "proxy/session/access_log.h"

namespace hawser::server {
namespace {

std::string TextOf(const absl::Status& status) {
  return std::string(status.message());
}

// Without SO_REUSEPORT, which would share the port with the hawser that serves it already.
absl::Status TryToListen(const net::SocketAddress& address) {
  const auto socket = net::Listen(address, {.reuse_port = false, .mode = 0600});
  if (socket.ok()) net::RemoveFile(address);
  return socket.status();
}

void CheckAddress(const net::SocketAddress& address, const config::Checks& checks) {
  if (!checks.Given(address)) return;
  const absl::Status status = TryToListen(address);
  if (!status.ok()) checks.Error(address, TextOf(status), AdviceForAddress(status));
}

// As session::AccessLog opens it; the file is made if it is not there.
void CheckLogFile(const std::string& path, const config::Checks& checks) {
  if (path.empty() || path == "-" || !checks.Given(path)) return;
  const auto file = net::OpenForLines(path);
  if (file.ok()) return;
  const bool is_stdout = path == "/dev/stdout" || path == "/proc/self/fd/1" || path == "/dev/fd/1";
  checks.Error(path, TextOf(file.status()),
               is_stdout ? "expected \"-\", which is stdout under every supervisor"
                         : "expected a file that can be written");
}

}  // namespace

std::string AdviceForAddress(const absl::Status& status) {
  if (std::string advice = AdviceFor(status); !advice.empty()) return advice;
  return absl::IsPermissionDenied(status) ? "expected a port above 1023, or the right to bind it"
                                          : "expected a free address of this machine";
}

void CheckLogFormat(const config::Config& config, const config::Checks& checks) {
  const std::string& format = config.access_log.format;
  if (!checks.Given(format)) return;
  const auto parsed = session::LogFormat::Parse(format);
  if (!parsed.ok()) checks.Error(format, TextOf(parsed.status()));
}

void CheckMachine(const config::Config& config, const config::Checks& checks) {
  if (config.admin.address) CheckAddress(*config.admin.address, checks);
  for (const config::Listener& listener : config.listeners) CheckAddress(listener.address, checks);
  CheckLogFile(config.access_log.path, checks);
}

}  // namespace hawser::server
