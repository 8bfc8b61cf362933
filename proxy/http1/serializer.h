// Heads and small responses as HTTP/1.1 bytes (RFC 9112). Whatever a value came from (HTTP/2, a filter, a config), none
// that could end its line early is ever written: response splitting stops here.
#pragma once

#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"

namespace hawser::http1 {

// Append a head with its empty line to `out`, always as HTTP/1.1, framing fields as they stand in head.headers. False,
// and `out` is as before, if method or target or a field name is not of its grammar, the status is not of three digits,
// or any text holds a CR, LF, NUL or another control character but a tab.
//
// Host is written first, from head.authority, whatever Host fields there are (empty when there is no authority); several
// Cookie fields become one (RFC 9113 §8.2.3).
[[nodiscard]] bool AppendRequestHead(const http::RequestHead& head, std::string& out);
[[nodiscard]] bool AppendResponseHead(const http::ResponseHead& head, std::string& out);

enum class AfterResponse : bool { kKeepAlive, kClose };
enum class BodyOf : bool { kGet, kHead };  // an answer to HEAD says its length and leaves the body out

// A whole response of plain text: Date, Content-Type, Content-Length, Connection: close where asked, then `headers`,
// which must be sound (those that are not are left out) and may bring a Content-Type of their own.
std::string SimpleResponse(int status, std::span<const http::Header> headers, std::string_view text,
                           AfterResponse after, BodyOf body = BodyOf::kGet);

// The answer to a refused request, from the refusal table; it closes the connection. With Sec-WebSocket-Version and
// Upgrade on a 426, Allow on a 405, Retry-After on a 429 and 503. Empty for a refusal that has no status.
std::string RefusalResponse(http::Reject reject, BodyOf body = BodyOf::kGet);

// "OK" for 200; "" for a status that has no name here.
std::string_view ReasonPhrase(int status);

// IMF-fixdate (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(std::time_t time);

}  // namespace hawser::http1
