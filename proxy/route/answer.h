// The response of a route that needs no backend: a redirect (RFC 9110 §15.4) or a direct response. A pure
// function of the route and the request, but for the Date.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/http/local_response.h"

namespace hawser::route {

// Whether `route` answers by itself.
bool Answers(const config::Route& route);

// The answer to `head`, which came by `scheme` ("http" or "https"). `route` must answer by itself. Its
// response_headers are not applied yet.
http::LocalResponse AnswerOf(const config::Route& route, const http::RequestHead& head,
                             std::string_view scheme);

// The Location of a redirected request: an absolute URL, or only a path where neither the request (HTTP/1.0)
// nor `redirect` names a host.
std::string LocationOf(const config::Redirect& redirect, const config::RouteMatch& match,
                       const http::RequestHead& head, std::string_view scheme);

}  // namespace hawser::route
