// Heads and small responses as HTTP/1.1 bytes (RFC 9112). A value that could end its line early is never
// written, whether it came from HTTP/2, a filter or the configuration. This prevents response splitting.
#pragma once

#include <string>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/http/local_response.h"

namespace hawser::http1 {

// Append a head with its empty line to `out`, always as HTTP/1.1: its fields as they stand, then `own`, which
// this connection adds for framing or a handshake. False, and `out` is as before, if method or target or a
// field name is not of its grammar, the status is not of three digits, or any text holds a CR, LF, NUL or
// another control character but a tab.
//
// Host is written first, from head.authority, whatever Host fields there are (empty when there is no
// authority); several Cookie fields become one (RFC 9113 §8.2.3). TE is left out: here it would concern this
// connection only, and would have to stand in Connection too (RFC 9110 §10.1.4).
[[nodiscard]] bool AppendRequestHead(const http::RequestHead& head, const http::HeaderList& own,
                                     std::string& out);
[[nodiscard]] bool AppendResponseHead(const http::ResponseHead& head, const http::HeaderList& own,
                                      std::string& out);

// The last response of a connection as a whole, with Connection: close. hawser's own responses hold no text
// that could split it.
std::string LastResponse(const http::LocalResponse& response, std::string_view request_method);

// A 426 must name the protocol to upgrade to (RFC 9110 §15.5.22): adds the fields that were removed from its
// head as hop-by-hop.
void AddUpgradeOffer(http::HeaderList& headers);

// "OK" for 200; "" for a status that has no name here.
std::string_view ReasonPhrase(int status);

}  // namespace hawser::http1
