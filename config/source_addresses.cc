#include "config/source_addresses.h"

#include <algorithm>
#include <string>

#include "config/checks.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

bool HasFamilyOf(const std::vector<net::IpAddress>& sources, const net::IpAddress& ip) {
  return std::any_of(sources.begin(), sources.end(),
                     [&ip](const net::IpAddress& source) { return source.v4() == ip.v4(); });
}

void CheckFamilies(const std::vector<net::IpAddress>& sources, const std::vector<Endpoint>& endpoints,
                   const Checks& checks) {
  for (const Endpoint& endpoint : endpoints) {
    if (!checks.Given(endpoint.address) || endpoint.address.named()) continue;
    const net::SocketAddress& address = endpoint.address.literal();
    if (address.unix_socket() || HasFamilyOf(sources, address.ip())) continue;
    const std::string_view family = address.ip().v4() ? "IPv4" : "IPv6";
    checks.Warn(sources,
                fmt::format("the kernel chooses the source of connections to {}", address.ToString()),
                fmt::format("expected an {} address too", family));
    return;
  }
}

}  // namespace

void CheckSourceAddresses(const std::vector<net::IpAddress>& sources, const std::vector<Endpoint>& endpoints,
                          const Checks& checks) {
  if (!checks.Sound(sources) || sources.empty()) return;
  for (auto source = sources.begin(); source != sources.end(); ++source) {
    if (source->unspecified()) {
      checks.Error(*source, source->ToString() + " is no address to connect from",
                   "expected an address of this machine");
    } else if (std::find(sources.begin(), source, *source) != source) {
      checks.Error(*source, source->ToString() + " is listed twice", "expected it once");
    }
  }
  CheckFamilies(sources, endpoints, checks);
}

}  // namespace hawser::config
