// The strict parser of HTTP/1 heads (RFC 9112 §2 to §6). Sans-I/O: it looks at the bytes received so far,
// from the start of a head, and either asks for more, refuses, or fills a head with views into them. Nothing
// is repaired: a head that two parsers could read in two ways is refused. The first pass finds the end of the
// head and every stray control character; the second takes a whole head apart. Only the HeaderList allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"

namespace hawser::http1 {

struct HeadLimits {
  size_t head_bytes = 64 * 1024;  // start line, fields and the empty line together
  size_t headers = 100;           // fields
};

enum class ParseState : uint8_t { kComplete, kIncomplete, kRejected };

struct ParseResult {
  ParseState state = ParseState::kIncomplete;
  size_t head_bytes = 0;  // of a complete head, with its empty line: the body begins there
  http::Reject reject = http::Reject::kNone;  // of a rejected one
};

// `bytes` begins where the head does and may go on behind it. `scanned` is 0 for a new head; passed again
// with more bytes (which may lie elsewhere in memory), it keeps the work linear however few come at a time.
// `head` is filled only when complete; its contents are unspecified when rejected.
//
// A complete head has sound framing (RequestFraming cannot fail), a Content-Length without leading zeros, one
// valid host (or none in HTTP/1.0), and a target in origin-form, or "*". One empty line ahead of the request
// line is skipped (§2.2).
//
// HTTP/1.2 to 1.9 are read as 1.1, as RFC 9110 §2.5 has it; another major version is kUnsupportedVersion. A
// head that fills its limit is kUriTooLong if its first line has not ended by then, else kHeadTooLarge.
ParseResult ParseRequestHead(std::string_view bytes, const HeadLimits& limits, http::RequestHead& head,
                             size_t& scanned);

// The same for a backend's response, interim or final. What is wrong with it, size included, is
// kBadBackendResponse. "HTTP/1.1 200" without the space behind the status is accepted: many servers leave it
// out with the reason. Statuses go from 100 to 999: those above 599, which no RFC gives a meaning, are
// relayed like any other.
ParseResult ParseResponseHead(std::string_view bytes, const HeadLimits& limits, http::ResponseHead& head,
                              size_t& scanned);

}  // namespace hawser::http1
