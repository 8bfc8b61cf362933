#include "proxy/cluster/hash_policy.h"

#include <optional>
#include <string_view>

#include "proxy/cluster/stable_hash.h"
#include "proxy/http/cookie.h"

namespace hawser::cluster {
namespace {

uint64_t HashOfPrefix(const config::Cluster& settings, const net::IpAddress& client) {
  const net::IpAddress prefix =
      client.Masked(client.v4() ? settings.hash_ipv4_prefix : settings.hash_ipv6_prefix);
  return StableHash({reinterpret_cast<const char*>(prefix.bytes().data()), prefix.bytes().size()});
}

std::optional<std::string_view> ValueOf(const config::HashPolicy& policy, const http::RequestHead& head) {
  if (policy.header) return head.headers.Find(*policy.header);
  if (policy.cookie) return http::FindCookie(head.headers, *policy.cookie);
  if (policy.query) return http::QueryParameter(head.query(), *policy.query);
  return std::nullopt;
}

}  // namespace

uint64_t HashOf(const config::Cluster& settings, const http::RequestHead& head,
                const net::IpAddress& client) {
  for (const config::HashPolicy& policy : settings.hash_policy) {
    if (policy.source_ip) break;  // every request has one
    const std::optional<std::string_view> value = ValueOf(policy, head);
    if (value && !value->empty()) return StableHash(*value);
  }
  return HashOfPrefix(settings, client);
}

}  // namespace hawser::cluster
