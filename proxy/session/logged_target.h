// What the access log may know of a request's target, by `access_log.query`: all of it, its path alone, or
// the query with the values of some parameters replaced by "…". Applied before a request's text is kept, so
// that nothing that is read from there later can tell more.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "config/schema.h"

namespace hawser::session {

inline constexpr size_t kLongestTarget = 1024;  // bytes of path and query together; the rest is cut

inline constexpr std::string_view kRedactedValue = "…";

// At most kLongestTarget bytes: a part of `target`, or, where values were replaced, of `room`. A parameter is
// known by its name, percent-decoded and in any case. It ends at '&'; one that begins behind ';' is looked at
// as well, as some servers see it.
std::string_view LoggedTarget(std::string_view target, const config::AccessLog& settings,
                              std::span<char, kLongestTarget> room);

}  // namespace hawser::session
