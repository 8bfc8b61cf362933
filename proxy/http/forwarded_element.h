// The elements of Forwarded (RFC 7239 §4): "for=192.0.2.60;proto=https;host=example.com". Reads a parameter
// of one and writes one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/net/address.h"

namespace hawser::http {

// The value of the parameter, without quotes; none if the element lacks it or is malformed anywhere. Names
// compare without case. A value that had escapes goes into `arena`.
std::optional<std::string_view> ForwardedParameter(std::string_view element, std::string_view name,
                                                   TextArena& arena);

// Whether `element` is well-formed and can be passed on: each value is a token or a quoted string that ends.
bool IsForwardedElement(std::string_view element, TextArena& arena);

// The text behind "for=": the address, an IPv6 one in brackets and quotes; "unknown" where there is none
// (§6).
std::string ForwardedNode(const std::optional<net::IpAddress>& address);

// Appends an element to the list. `node` is one of the above; an empty host or scheme is left out.
void AppendForwardedElement(std::string& list, std::string_view node, std::string_view host,
                            std::string_view scheme);

}  // namespace hawser::http
