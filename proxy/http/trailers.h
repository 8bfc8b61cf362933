// Which fields may stand behind a message's body (RFC 9110 §6.5.1).
#pragma once

#include <string_view>

namespace hawser::http {

// False for fields that frame, route or authenticate a message: a receiver may merge trailers into the head,
// and must not get these so.
bool MayBeTrailer(std::string_view name);

}  // namespace hawser::http
