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

// What yaml-cpp says of a line that does not fit to those above it.
constexpr std::string_view kIllegalValue = "illegal map value";
constexpr std::string_view kNoMoreMap = "end of map not found";
constexpr std::string_view kNoMoreList = "end of sequence not found";

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

// A line that lacks a character of its syntax. YAML reads it as text, so the parser reports it or the next.
struct Slip {
  std::string_view pattern;
  std::string_view what;
};

constexpr Slip kSlips[] = {
    {R"(^\s*-[A-Za-z])", "has no space behind its dash"},
    {R"(^\s*[A-Za-z_][\w-]*:(?:[^\s/]|/[^/]))", "has no space behind its colon"},
    {R"(^\s*(?:-\s+)+[A-Za-z_][\w-]*:\d*[^\s/\d])", "has no space behind its colon"},
    {R"(^\s*(?:-\s+)*[A-Za-z_]\w*\s*=\s*\S)", "has = instead of a colon and a space"},
    {R"(^\s*[A-Za-z_]\w*(?:\s+[^\s#]+)?\s*(?:#.*)?$)", "has no colon"},
};
// "unix:/run/a.sock" and "localhost:80" are addresses.
constexpr std::string_view kAddress = R"(^\s*(?:-\s+)*(?:unix|localhost):)";

template <size_t kCount>
using Patterns = std::array<std::unique_ptr<RE2>, kCount>;

bool Matches(std::string_view text, const RE2& pattern) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

std::string SlipIn(std::string_view file, uint32_t number) {
  static const RE2 address(re2::StringPiece(kAddress.data(), kAddress.size()));
  static const auto patterns = [] {
    Patterns<std::size(kSlips)> compiled;
    for (size_t i = 0; i < compiled.size(); ++i) {
      compiled[i] = std::make_unique<RE2>(std::string(kSlips[i].pattern));
    }
    return compiled;
  }();
  const std::string_view line = LineAt(file, number);
  if (Matches(line, address)) return {};
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (Matches(line, *patterns[i])) return fmt::format("line {} {}", number, kSlips[i].what);
  }
  return {};
}

// The line before `number` that holds more than a comment; 0 if there is none.
uint32_t LineBefore(std::string_view file, uint32_t number) {
  while (--number > 0) {
    const std::string_view line = LineAt(file, number);
    const size_t begin = line.find_first_not_of(" \t");
    if (begin != std::string_view::npos && line[begin] != '#') break;
  }
  return number;
}

// The column of the key of a line, behind its dashes.
size_t KeyColumn(std::string_view line) {
  return std::min(line.find_first_not_of(" -"), line.size());
}

// Why the parser took `number` for a part of what stands above it.
std::string LineHint(std::string_view file, uint32_t number, std::string_view message) {
  const bool misplaced = message == kIllegalValue || message == kNoMoreMap || message == kNoMoreList;
  if (!misplaced) return {};
  if (auto slip = SlipIn(file, number); !slip.empty()) return slip;
  const uint32_t before = LineBefore(file, number);
  if (before == 0) return {};
  if (auto slip = SlipIn(file, before); !slip.empty()) return slip;
  static const RE2 has_value(R"(^[\s-]*[^\s"'#{\[:]+:\s+[^\s#|>&!])");
  const std::string_view above = LineAt(file, before);
  const bool deeper = KeyColumn(LineAt(file, number)) > KeyColumn(above);
  if (message != kIllegalValue || !deeper || !Matches(above, has_value)) return {};
  return fmt::format("this line is indented deeper than line {}, which has a value already", before);
}

// The line in which a quoted text opens that ends in a later line, `number`, or not at all; 0 if there is
// none. Block scalars hold quotes that mean nothing: 0 then too.
uint32_t OpenQuote(std::string_view file, uint32_t number) {
  static const RE2 block(R"((?m)[:-]\s+[|>][-+0-9]*\s*$)");
  if (Matches(file, block)) return 0;
  uint32_t line = 1;
  uint32_t opened = 0;
  char quote = 0;
  char before = '\n';  // the last character of this line that is no space
  for (size_t i = 0; i < file.size(); ++i) {
    const char c = file[i];
    if (c == '\n') ++line;
    if (quote != 0) {
      const bool escapes = (quote == '"' && c == '\\') || (quote == '\'' && file.substr(i, 2) == "''");
      if (escapes) {
        ++i;
        if (i < file.size() && file[i] == '\n') ++line;
      } else if (c == quote) {
        if (opened < line && line == number) return opened;
        quote = 0;
        before = c;
      }
    } else if ((c == '"' || c == '\'') &&
               std::string_view("\n:-[{,").find(before) != std::string_view::npos) {
      quote = c;
      opened = line;
    } else if (c == '#' &&
               (i == 0 || std::string_view(" \t\n").find(file[i - 1]) != std::string_view::npos)) {
      i = std::min(file.find('\n', i), file.size()) - 1;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      before = c;
    }
  }
  return quote != 0 ? opened : 0;
}

bool IndentedByTab(std::string_view line) {
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

}  // namespace

std::string PlainWords(std::string_view message) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"end of map flow not found", "a , or } is missing"},
      {"end of sequence flow not found", "a , or ] is missing"},
      {"illegal EOF in scalar", "the file ends inside quotes"},
      {kNoMoreMap, "this does not continue the map above"},
      {kNoMoreList, "this does not continue the list above"},
  };
  for (const auto& [theirs, ours] : kWords) {
    if (message == theirs) return std::string(ours);
  }
  return std::string(message);
}

std::string YamlHint(std::string_view file, Mark mark, std::string_view message) {
  if (mark.line == 0) return {};
  const std::string_view line = LineAt(file, mark.line);
  if (const uint32_t opened = OpenQuote(file, mark.line); opened > 0) {
    return fmt::format("a quote that opens in line {} may still be open", opened);
  }
  if (IndentedByTab(line)) return "expected spaces: this line is indented with a tab";
  static const RE2 variable(R"([\s\[{,:]\$\{[A-Za-z_])");
  if (Matches(line, variable)) return "hawser does not read environment variables";
  static const auto patterns = [] {
    Patterns<std::size(kTraps)> compiled;
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
  return LineHint(file, mark.line, message);
}

}  // namespace hawser::config
