// A regular expression over hostile text: RE2, whose time is linear in the text, with its memory bounded.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "re2/re2.h"

namespace hawser::route {

inline re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

// Fails on bad syntax, and on an expression too large for its share of memory. `captures`: groups are asked
// for.
absl::StatusOr<std::unique_ptr<const re2::RE2>> CompileProgram(std::string_view pattern, bool captures);

// Immutable; any thread.
class Regex {
 public:
  // Fails as CompileProgram does.
  static absl::StatusOr<Regex> Compile(std::string_view pattern);

  // Whether the whole of `text` matches.
  bool Matches(std::string_view text) const;

 private:
  explicit Regex(std::unique_ptr<const re2::RE2> program) : program_(std::move(program)) {}
  std::unique_ptr<const re2::RE2> program_;
};

}  // namespace hawser::route
