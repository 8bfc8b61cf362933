#include "proxy/route/regex.h"

#include "config/form.h"
#include "fmt/format.h"

namespace hawser::route {

absl::StatusOr<std::unique_ptr<const re2::RE2>> CompileProgram(std::string_view pattern, bool captures) {
  re2::RE2::Options options;
  options.set_never_capture(!captures);
  options.set_log_errors(false);
  options.set_max_mem(config::kRegexBytes);
  auto program = std::make_unique<const re2::RE2>(Piece(pattern), options);
  if (!program->ok()) {
    return absl::InvalidArgumentError(
        fmt::format("bad regular expression \"{}\": {}", pattern, program->error()));
  }
  return program;
}

absl::StatusOr<Regex> Regex::Compile(std::string_view pattern) {
  auto program = CompileProgram(pattern, false);
  if (!program.ok()) return program.status();
  return Regex(*std::move(program));
}

bool Regex::Matches(std::string_view text) const {
  return re2::RE2::FullMatch(Piece(text), *program_);
}

}  // namespace hawser::route
