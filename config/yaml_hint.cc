#include "config/yaml_hint.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>

#include <re2/re2.h>

#include "fmt/format.h"

namespace hawser::config {
namespace {

// Where a value may begin: behind the space that follows a colon or a dash, or inside [ ] and { }.
constexpr std::string_view kAnywhere = R"((?:[:-]\s+|[\[{,]\s*))";
// Behind the key that a line begins with.
constexpr std::string_view kBehindKey = R"(^\s*(?:-\s+)*[^\s"'#{\[:]+:\s+)";

// A value without quotes, as `pattern` captures it where it begins, and why it needs them.
struct Trap {
  std::string_view begins;
  std::string_view pattern;
  std::string_view why;
};

// In the order in which they are tried.
constexpr Trap kTraps[] = {
    {kAnywhere, R"((\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\](?::[0-9]+)?))", "[ begins a list"},
    {kAnywhere, R"((\*(?:[^\s,\]}]*[^\s,\]}A-Za-z0-9_-][^\s,\]}]*)?)(?:[\s,\]}]|$))", "* begins an alias"},
    {kAnywhere, R"((%[^,\]}#]*[^,\]}#\s]))", "% begins a directive"},
    {kAnywhere, R"(([@`][^,\]}#]*[^,\]}#\s]))", "YAML keeps @ and ` for itself"},
    {kAnywhere, R"((-)\s*(?:[,}#].*)?$)", "- begins an entry of a list"},
    {kAnywhere, R"((/[^\s,\]}]*\?[^\s,\]}]*)\s*[,\]}])", "? begins a key inside { }"},
    {kBehindKey, R"(([^"'#\[{\s][^"'#\[{]*:\s[^"'#]*[^"'#\s]))", "a colon with a space behind it ends a key"},
};

std::string_view LineAt(std::string_view file, uint32_t number) {
  for (uint32_t line = 1; line < number && !file.empty(); ++line) {
    file.remove_prefix(std::min(file.find('\n'), file.size() - 1) + 1);
  }
  return file.substr(0, file.find_first_of("\r\n"));
}

bool IndentedByTab(std::string_view line) {
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

}  // namespace

std::string PlainWords(std::string_view message) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"end of map flow not found", "a } is missing"},
      {"end of sequence flow not found", "a ] is missing"},
      {"end of map not found", "this does not continue the map above"},
      {"end of sequence not found", "this does not continue the list above"},
  };
  for (const auto& [theirs, ours] : kWords) {
    if (message == theirs) return std::string(ours);
  }
  return std::string(message);
}

std::string YamlHint(std::string_view file, Mark mark) {
  if (mark.line == 0) return {};
  const std::string_view line = LineAt(file, mark.line);
  if (IndentedByTab(line)) return "expected spaces: this line is indented with a tab";
  static const auto patterns = [] {
    std::array<std::unique_ptr<RE2>, std::size(kTraps)> compiled;
    for (size_t i = 0; i < compiled.size(); ++i) {
      compiled[i] = std::make_unique<RE2>(fmt::format("{}{}", kTraps[i].begins, kTraps[i].pattern));
    }
    return compiled;
  }();
  for (size_t i = 0; i < patterns.size(); ++i) {
    re2::StringPiece value;
    if (!RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *patterns[i], &value)) continue;
    return fmt::format("put {} in quotes: {}", Quote({value.data(), value.size()}), kTraps[i].why);
  }
  return {};
}

}  // namespace hawser::config
