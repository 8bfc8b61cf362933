#include "config/address_check.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

// Whether sockets bound to `wildcard` take connections to `ip`.
bool Covers(const net::IpAddress& wildcard, const net::IpAddress& ip) {
  return wildcard.unspecified() && (!wildcard.v4() || ip.v4());
}

// A socket file has one name here, however its path is written: /run/a.sock for /var/run/../run/a.sock.
std::string FileOf(const std::string& path, bool look) {
  if (path.starts_with('@')) return path;
  std::error_code error;
  const std::filesystem::path file =
      look ? std::filesystem::weakly_canonical(path, error) : std::filesystem::path();
  return (look && !error ? file : std::filesystem::path(path).lexically_normal()).string();
}

class Bound {
 public:
  explicit Bound(const Checks& checks) : checks_(checks) {}

  void Add(const net::SocketAddress& address) {
    if (!checks_.Given(address)) return;
    if (address.unix_socket()) return AddFile(address);
    if (address.port() == 0) return;
    std::vector<const net::SocketAddress*>& others = ports_[address.port()];
    const auto first =
        std::find_if(others.begin(), others.end(),
                     [&address](const net::SocketAddress* other) { return Overlap(address, *other); });
    if (first != others.end()) Report(address, **first);
    others.push_back(&address);
  }

 private:
  void AddFile(const net::SocketAddress& address) {
    const auto [first, added] = files_.try_emplace(FileOf(address.path(), checks_.files), &address);
    if (!added) Report(address, *first->second);
  }

  void Report(const net::SocketAddress& address, const net::SocketAddress& first) const {
    const std::string what = address == first
                                 ? fmt::format("{} is used twice", address.ToString())
                                 : fmt::format("{} overlaps {}", address.ToString(), first.ToString());
    const bool across = !address.unix_socket() && address.ip().v4() != first.ip().v4();
    checks_.Error(address, what,
                  fmt::format("the first is in line {}{}", checks_.sources.MarkOf(&first).line,
                              across ? ", and [::] takes IPv4 too" : ""));
  }

  const Checks& checks_;
  absl::flat_hash_map<uint16_t, std::vector<const net::SocketAddress*>> ports_;
  absl::flat_hash_map<std::string, const net::SocketAddress*> files_;
};

}  // namespace

bool Overlap(const net::SocketAddress& a, const net::SocketAddress& b) {
  HAWSER_DCHECK(!a.unix_socket() && !b.unix_socket());
  if (a.port() != b.port() || a.port() == 0) return false;
  return a.ip() == b.ip() || Covers(a.ip(), b.ip()) || Covers(b.ip(), a.ip());
}

void CheckSocketMode(const std::string& mode, const net::SocketAddress& address, const Checks& checks) {
  if (!checks.Given(mode) || !checks.Given(address) || address.has_file()) return;
  checks.Warn(mode, "has no effect: " + address.ToString() + " has no file");
}

void CheckAddresses(const Config& config, const Checks& checks) {
  Bound bound(checks);
  if (config.admin.address) bound.Add(*config.admin.address);
  for (const Listener& listener : config.listeners) bound.Add(listener.address);
}

}  // namespace hawser::config
