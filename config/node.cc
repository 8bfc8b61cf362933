#include "config/node.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "config/keys_file.h"
#include "config/node_builder.h"
#include "config/units.h"
#include "config/yaml_hint.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

// The length of the UTF-8 sequence at the front of `text` (RFC 3629 §4); 0 if there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&byte](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_high = first == 0xf4 && byte(1) > 0x8f;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

// yaml-cpp takes byte 4 for the end of the file and guesses at broken UTF-8, so neither may reach it.
bool CheckBytes(std::string_view text, const TreeBounds& bounds, Diagnostics& errors) {
  if (text.size() > bounds.bytes) {
    errors.Add({}, {}, "the file is too large", "expected at most " + FormatSize({bounds.bytes}));
    return false;
  }
  Mark mark{1, 1};
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || IsControl(text[at])) {
      errors.Add(
          mark, {},
          fmt::format(fmt::runtime(length == 0 ? "byte 0x{:02x} is not UTF-8" : "control character 0x{:02x}"),
                      byte),
          "expected UTF-8 text");
      return false;
    }
    mark = text[at] == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
    at += length;
  }
  return true;
}

// The last character of a text.
Mark LastOf(std::string_view text) {
  const std::string_view lines = text.substr(0, text.find_last_not_of("\r\n") + 1);
  const auto breaks = static_cast<uint32_t>(std::count(lines.begin(), lines.end(), '\n'));
  const size_t begin = breaks == 0 ? 0 : lines.rfind('\n') + 1;
  return {breaks + 1, std::max<uint32_t>(1, static_cast<uint32_t>(lines.size() - begin))};
}

// The one place where yaml-cpp throws, and is caught. At the start of a line it takes the end of the file for
// a closing quote, so an open comment is appended.
bool RunParser(std::string_view text, NodeBuilder& builder, Diagnostics& errors) {
  std::istringstream stream(std::string(text) + "\n#");
  try {
    YAML::Parser parser(stream);
    while (!builder.failed() && parser.HandleNextDocument(builder)) {
      // The builder reports a second document that holds anything.
    }
  } catch (const YAML::Exception& exception) {
    const Mark mark = exception.mark.is_null() ? Mark{} : std::min(ToMark(exception.mark), LastOf(text));
    if (!builder.failed())
      errors.Add(mark, {}, "not YAML: " + PlainWords(exception.msg), YamlHint(text, mark, exception.msg));
    return false;
  }
  return !builder.failed();
}

}  // namespace

std::unique_ptr<Document> ParseYaml(std::string_view file, Diagnostics& errors, const TreeBounds& bounds,
                                    std::string_view expected) {
  const std::string_view text = WithoutByteOrderMark(file);
  if (!CheckBytes(text, bounds, errors)) return nullptr;
  auto document = std::make_unique<Document>();
  NodeBuilder builder(*document, bounds, errors);
  if (!RunParser(text, builder, errors)) return nullptr;
  if (document->root == nullptr || document->root->kind == Node::Kind::kNull) {
    errors.Add({1, 1}, {}, "the file is empty", fmt::format("expected {}", expected));
    return nullptr;
  }
  return document;
}

Cursor Cursor::Child(size_t index) const {
  HAWSER_DCHECK(index < node.children.size());
  const Node& child = *node.children[index];
  if (node.kind == Node::Kind::kMap) return {child, Join(path, node.keys[index].text)};
  return {child, fmt::format("{}[{}]", path, index)};
}

std::string Join(std::string_view path, std::string_view key) {
  constexpr size_t kLongest = 64;
  const std::string shown = key.size() <= kLongest ? std::string(key) : Quote(key);
  return path.empty() ? shown : fmt::format("{}.{}", path, shown);
}

}  // namespace hawser::config
