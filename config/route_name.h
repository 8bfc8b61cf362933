// What a route without a name is called: after its match, so that it keeps its name, its metrics and its
// tunnels wherever it stands in the file.
#pragma once

#include <string>

#include "config/route.h"

namespace hawser::config {

// "chat.example.com/chat*" for a host and a path_prefix, "*=/health" for a path, "*~^/room/" for a
// path_regex: at most kLongestRouteName bytes. All that is not shown (further conditions, `listeners`, what
// had to be cut) stands behind it as a hash: "*/chat*#5f3a9c01b2d4". Routes have one name only if they have
// the same match and the same listeners. None has Form::kName: a name that is given is never the same.
std::string NameAfterMatch(const Route& route);

inline constexpr size_t kLongestRouteName = 128;

}  // namespace hawser::config
