// "Did you mean": the nearest of a few known words to one that was mistyped, by optimal string alignment
// distance (insertions, deletions, substitutions and swaps of neighbours), ignoring case.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hawser::config {

// The word that stands for one of another program (least_request for leastconn); else the nearest, if it is
// near enough to be meant: one edit for every three letters, at least one. Empty otherwise.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> known);

// `did you mean "connections"?` or, with nothing near, `expected one of a, b, c`.
std::string Suggest(std::string_view word, std::span<const std::string_view> known);

}  // namespace hawser::config
