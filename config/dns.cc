#include "config/dns.h"

#include <string>

#include "config/checks.h"
#include "config/describe.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

template <>
struct Names<IpFamily> {
  static constexpr Name<IpFamily> kTable[] = {{"auto", IpFamily::kAuto},
                                              {"ipv4", IpFamily::kIpv4},
                                              {"ipv6", IpFamily::kIpv6},
                                              {"both", IpFamily::kBoth}};
};

void Describe(Description& d, const Dns& dns) {
  d.Field({"servers", "Servers to ask. They are tried in this order.", "the system's"}, dns.servers,
          {.min_items = 1});
  d.Field({"min_refresh", "A name is asked for again when its TTL is over, but not before this time."},
          dns.min_refresh, {10ms, 24h});
  d.Field({"max_refresh", "A name is asked for again after this time at the latest, whatever its TTL."},
          dns.max_refresh, {10ms, 24h});
  d.Field({"hold",
           "An address counts as gone when no answer has had it for this long. Servers that know many "
           "addresses of a name may give some of them in each answer."},
          dns.hold, {0s, 24h});
  d.Field({"initial_timeout",
           "How long hawser waits for the first answers when it starts. `/ready` is 503 until then. After "
           "that it serves with the endpoints that it has."},
          dns.initial_timeout, {0s, kLongestWait});
  d.Field({"timeout", "Time for one server to answer one query."}, dns.timeout, {10ms, 1min});
  d.Field({"attempts", "How often each server is asked before a query has failed."}, dns.attempts, {1, 16});
  d.Field({"ip_family",
           "Which addresses of a name are used. `auto`: IPv4 if there are any, else IPv6. `ipv4`, `ipv6`: "
           "these alone. `both`: all."},
          dns.ip_family);
}

void CheckDns(const Dns& dns, const Checks& checks) {
  for (const DnsServer& server : dns.servers) {
    if (!checks.Given(server) || server.address.port() != 0) continue;
    checks.Error(server, server.address.ToString() + " has port 0", "expected the server's port");
  }
  if (!checks.Sound(dns) || dns.min_refresh <= dns.max_refresh) return;
  const bool max_given = checks.Given(dns.max_refresh);
  const std::string what = fmt::format("min_refresh ({}) is above max_refresh ({})",
                                       FormatDuration(dns.min_refresh), FormatDuration(dns.max_refresh));
  max_given ? checks.Error(dns.max_refresh, what) : checks.Error(dns.min_refresh, what);
}

}  // namespace hawser::config
