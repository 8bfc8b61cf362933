// Removes the fields that concern one connection only (RFC 9110 §7.6.1). Runs on every head that is passed
// on, after the head was parsed (framing, Classify) and before hawser adds its own fields, so that a peer's
// Connection field cannot remove those.
#pragma once

#include <string_view>

#include "proxy/http/head.h"

namespace hawser::http {

// Removes Connection, Proxy-Connection, Keep-Alive, TE, Transfer-Encoding, Upgrade and what Connection
// nominates. A field that Connection names is kept if it is meant for the backend or if security depends on
// it (Host, Content-Length, Cookie, Authorization, Origin, Forwarded, X-Forwarded-*, Sec-WebSocket-* and the
// like): attackers have had such fields removed. Proxy-Authorization and Proxy-Authenticate stay, unless
// Connection names them.
//
// Of TE, "trailers" stays: hawser passes trailers on, and gRPC's servers refuse a call without it. It is the
// one value that HTTP/2 knows (RFC 9113 §8.2.2).
void RemoveHopByHop(RequestHead& head);

// The same for a response; takes Content-Length out of a 1xx and a 204 too, which must not have one (RFC 9110
// §8.6).
void RemoveHopByHop(ResponseHead& head);

// Whether hawser writes the field by itself, from a message's framing, its connection, its authority or its
// handshake: the hop-by-hop ones, Content-Length, Trailer, Expect, Host, Sec-WebSocket-*. No configured rule
// may touch these.
bool IsOwnField(std::string_view name);

}  // namespace hawser::http
