// The response of a route that needs no backend: a redirect (RFC 9110 §15.4) or a direct response. A pure function of
// the route and the request, but for the Date.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/http/local_response.h"

namespace hawser::route {

// Whether `route` answers by itself.
bool Answers(const config::Route& route);

// The answer to `head`, which came by `scheme` ("http" or "https"). The route's response_headers are not in it yet.
http::LocalResponse AnswerOf(const config::Route& route, const http::RequestHead& head,
                             std::string_view scheme);

// Where `redirect` sends a request: an absolute URL; for a request that names no host (HTTP/1.0) only a path, unless
// `redirect` has a host.
std::string LocationOf(const config::Redirect& redirect, const config::RouteMatch& match,
                       const http::RequestHead& head, std::string_view scheme);

}  // namespace hawser::route
