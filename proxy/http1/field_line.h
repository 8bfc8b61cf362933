// What heads and trailer sections share: the search for control characters and the syntax of one field line
// (RFC 9112 §5).
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/http/head.h"

namespace hawser::http1 {

// The first place at or behind `from` of a control character other than a tab; bytes.size() if there is none.
size_t FindControl(std::string_view bytes, size_t from);

// Reads "name: value" of a line without its CRLF and without control characters. False if the name is empty, no token,
// or not followed by its colon at once: so too for a folded line (obs-fold).
bool ParseFieldLine(std::string_view line, http::Header& header);

}  // namespace hawser::http1
