#include "proxy/route/substitution.h"

#include <algorithm>
#include <array>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/route/regex.h"

namespace hawser::route {
namespace {

constexpr size_t kGroups = 10;  // \0 to \9

}  // namespace

absl::StatusOr<Substitution> Substitution::Compile(std::string_view pattern, std::string_view replacement) {
  auto program = CompileProgram(pattern, true);
  if (!program.ok()) return program.status();
  std::string fault;
  if (!(*program)->CheckRewriteString(Piece(replacement), &fault)) {
    return absl::InvalidArgumentError(fmt::format("bad substitution \"{}\": {}", replacement, fault));
  }
  return Substitution(*std::move(program), replacement);
}

std::optional<std::string> Substitution::Replace(std::string_view text, size_t longest) const {
  std::string out;
  std::array<re2::StringPiece, kGroups> groups;
  const int count = 1 + re2::RE2::MaxSubmatch(Piece(replacement_));
  HAWSER_DCHECK(count <= static_cast<int>(kGroups));
  size_t at = 0;
  size_t replaced_to = std::string_view::npos;  // where the last match ended
  while (at <= text.size() &&
         pattern_->Match(Piece(text), at, text.size(), re2::RE2::UNANCHORED, groups.data(), count)) {
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    out.append(text.substr(at, begin - at));
    at = begin + groups[0].size();
    if (groups[0].empty() && begin == replaced_to) {  // an empty match directly behind a match does not count
      out.append(text.substr(at, 1));
      ++at;
      continue;
    }
    pattern_->Rewrite(&out, Piece(replacement_), groups.data(), count);
    replaced_to = at;
    if (out.size() > longest) return std::nullopt;
  }
  if (at < text.size()) out.append(text.substr(at));
  return out.size() > longest ? std::nullopt : std::optional(std::move(out));
}

}  // namespace hawser::route
