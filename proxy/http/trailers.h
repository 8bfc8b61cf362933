// Which fields may stand behind a message's body (RFC 9110 §6.5.1).
#pragma once

#include <string_view>

namespace hawser::http {

// False for those that a receiver which merges trailers into its head must not be told there: they frame, route or
// authenticate the message.
bool MayBeTrailer(std::string_view name);

}  // namespace hawser::http
