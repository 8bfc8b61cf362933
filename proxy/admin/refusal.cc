#include "proxy/admin/refusal.h"

#include <algorithm>
#include <array>

#include "proxy/base/check.h"
#include "proxy/net/address.h"

namespace hawser::admin {
namespace {

using http::EqualsIgnoreCase;

constexpr auto kRefusalTable = std::to_array<RefusalSpec>({
    {Refusal::kHost, "host",
     "The host is neither an IP address nor localhost nor in admin.hosts of the configuration.\n"},
    {Refusal::kOrigin, "origin", "The request has the Origin of another site.\n"},
    {Refusal::kFetchSite, "fetch_site",
     "Another site has made this request (Sec-Fetch-Site). Open the address by itself.\n"},
});
static_assert(kRefusalTable.size() + 1 == kRefusals);

bool IsIpAddress(std::string_view host) {
  const bool brackets = host.starts_with('[');
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = net::IpAddress::Parse(host);
  return address.ok() && (brackets || address->v4());
}

bool Allows(std::span<const std::string> hosts, std::string_view host) {
  return EqualsIgnoreCase(host, "localhost") || IsIpAddress(host) ||
         std::any_of(hosts.begin(), hosts.end(),
                     [host](std::string_view allowed) { return EqualsIgnoreCase(host, allowed); });
}

bool IsForeignOrigin(std::string_view origin, const http::RequestHead& head) {
  constexpr std::string_view kScheme = "http://";  // the listener has no TLS
  const std::string_view scheme = origin.substr(0, kScheme.size());
  return !EqualsIgnoreCase(scheme, kScheme) ||
         !EqualsIgnoreCase(origin.substr(scheme.size()), head.authority);
}

}  // namespace

std::span<const RefusalSpec> RefusalTable() {
  return kRefusalTable;
}

const RefusalSpec& SpecOf(Refusal refusal) {
  HAWSER_DCHECK(refusal != Refusal::kNone && refusal != Refusal::kCount);
  const RefusalSpec& spec = kRefusalTable[static_cast<size_t>(refusal) - 1];
  HAWSER_DCHECK(spec.refusal == refusal);
  return spec;
}

Refusal RefusalOf(const http::RequestHead& head, std::span<const std::string> hosts, bool any_host) {
  if (!any_host && !head.authority.empty() && !Allows(hosts, http::HostOf(head.authority))) {
    return Refusal::kHost;
  }
  for (const http::Header& header : head.headers) {
    if (EqualsIgnoreCase(header.name, "Origin") && IsForeignOrigin(header.value, head)) {
      return Refusal::kOrigin;
    }
    if (EqualsIgnoreCase(header.name, "Sec-Fetch-Site") && header.value != "same-origin" &&
        header.value != "none") {
      return Refusal::kFetchSite;
    }
  }
  return Refusal::kNone;
}

}  // namespace hawser::admin
