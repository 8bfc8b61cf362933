#include "proxy/route/regex.h"

#include <cstdint>

#include "fmt/format.h"

namespace hawser::route {
namespace {

constexpr int64_t kMaxBytes = 1024 * 1024;  // program and automaton of one expression

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

absl::StatusOr<Regex> Regex::Compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_never_capture(true);
  options.set_log_errors(false);
  options.set_max_mem(kMaxBytes);
  auto program = std::make_unique<const re2::RE2>(Piece(pattern), options);
  if (!program->ok()) {
    return absl::InvalidArgumentError(
        fmt::format("bad regular expression \"{}\": {}", pattern, program->error()));
  }
  return Regex(std::move(program));
}

bool Regex::Matches(std::string_view text) const {
  return re2::RE2::FullMatch(Piece(text), *program_);
}

}  // namespace hawser::route
