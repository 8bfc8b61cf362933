// What heads and trailer sections share: the syntax of one field line (RFC 9112 §5).
#pragma once

#include <string_view>

#include "proxy/http/head.h"

namespace hawser::http1 {

// Reads "name: value" of a line without its CRLF and without control characters. False if the name is empty,
// is not a token, or is not followed by its colon at once. A folded line (obs-fold) is refused by the last.
bool ParseFieldLine(std::string_view line, http::Header& header);

}  // namespace hawser::http1
