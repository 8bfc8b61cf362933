// Replaces the matches of a regular expression in a hostile text: RE2::GlobalReplace with a bound on the
// result.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "re2/re2.h"

namespace hawser::route {

// Immutable; any thread.
class Substitution {
 public:
  // `replacement` may name groups of the pattern, \1 to \9, and \0 for the whole match. Fails on bad syntax,
  // on a group that is not there, and on an expression too large for its share of memory.
  static absl::StatusOr<Substitution> Compile(std::string_view pattern, std::string_view replacement);

  // `text` with every match replaced, from left to right; none if that takes more than `longest` bytes.
  std::optional<std::string> Replace(std::string_view text, size_t longest) const;

 private:
  Substitution(std::unique_ptr<const re2::RE2> pattern, std::string_view replacement)
      : pattern_(std::move(pattern)), replacement_(replacement) {}

  std::unique_ptr<const re2::RE2> pattern_;
  std::string replacement_;
};

}  // namespace hawser::route
