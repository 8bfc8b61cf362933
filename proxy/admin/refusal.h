// What the admin listener refuses before it looks for a page: requests that a web page of somebody else makes
// in an operator's browser. Such a page reaches loopback by a request to another origin, or by a name of its
// own that resolves to the listener's address (DNS rebinding). It can forge neither Host nor Origin (RFC 6454
// §7) nor Sec-Fetch-Site (W3C Fetch Metadata §2.3). Other programs send no Origin and no Sec-Fetch-Site.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http/head.h"

namespace hawser::admin {

enum class Refusal : uint8_t { kNone, kHost, kOrigin, kFetchSite, kCount };
inline constexpr size_t kRefusals = static_cast<size_t>(Refusal::kCount);

struct RefusalSpec {
  Refusal refusal;
  std::string_view label;  // of the metric
  std::string_view body;   // of the 403
};

// A row for each but kNone, in the order of the enumeration.
std::span<const RefusalSpec> RefusalTable();
const RefusalSpec& SpecOf(Refusal refusal);  // not kNone

// `hosts` are names that may be asked for besides `localhost` and IP addresses. With `any_host` all may: no
// name leads a browser to a Unix socket. A request without a host (HTTP/1.0) is no browser's.
//
// An origin is foreign if it is not the request's own: http and its host. A browser says that a page's site
// is `same-origin`, or `none` where its user has typed the address; anything else is foreign.
Refusal RefusalOf(const http::RequestHead& head, std::span<const std::string> hosts, bool any_host);

}  // namespace hawser::admin
