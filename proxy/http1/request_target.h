// The request target and the Host field of HTTP/1 (RFC 9112 §3.2), brought into one form: an origin-form
// target and an authority.
#pragma once

#include <string_view>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"

namespace hawser::http1 {

// Fills head.target, head.scheme, head.authority; head.method is known. Takes origin-form; absolute-form,
// whose path becomes the target and whose host the authority; and "*" for OPTIONS. A path that an
// absolute-form target lacks is "/", or "*" where the method is OPTIONS and there is no query either. CONNECT
// is kMethodNotAllowed.
http::Reject ResolveTarget(std::string_view target, http::RequestHead& head);

// After ResolveTarget, with all fields known: exactly one valid Host (HTTP/1.0 may have none). The host of an
// absolute-form target takes its place, as RFC 9112 §3.2.2 wants of a proxy; only beside one may Host be
// empty.
http::Reject ResolveHost(http::RequestHead& head);

}  // namespace hawser::http1
