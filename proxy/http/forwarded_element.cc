#include "proxy/http/forwarded_element.h"

#include <algorithm>

#include "absl/functional/function_ref.h"
#include "fmt/format.h"
#include "proxy/http/characters.h"

namespace hawser::http {
namespace {

// The quoted string at the start of `text` (RFC 9110 §5.6.4), taken off it; none if it does not end.
std::optional<std::string_view> TakeQuoted(std::string_view& text, TextArena& arena) {
  std::string unescaped;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      const std::string_view raw = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return raw.find('\\') == std::string_view::npos ? raw : arena(std::move(unescaped));
    }
    if (text[i] == '\\' && ++i == text.size()) break;
    unescaped += text[i];
  }
  return std::nullopt;
}

std::optional<std::string_view> TakeValue(std::string_view& text, TextArena& arena) {
  if (text.starts_with('"')) return TakeQuoted(text, arena);
  const std::string_view value = text.substr(0, text.find(';'));
  if (value.find('"') != std::string_view::npos) return std::nullopt;
  text.remove_prefix(value.size());
  return TrimWhitespace(value);
}

// Shows each parameter to `visit`; false if the element is malformed.
bool Walk(std::string_view element, TextArena& arena,
          absl::FunctionRef<void(std::string_view name, std::string_view value)> visit) {
  while (!element.empty()) {
    const size_t equals = element.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = TrimWhitespace(element.substr(0, equals));
    element.remove_prefix(equals + 1);
    const auto value = TakeValue(element, arena);
    if (!value || !IsToken(name)) return false;
    element = TrimWhitespace(element);
    if (!element.empty() && element.front() != ';') return false;
    element.remove_prefix(std::min<size_t>(1, element.size()));
    visit(name, *value);
  }
  return true;
}

std::string TokenOrQuoted(std::string_view text) {
  if (IsToken(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

}  // namespace

std::optional<std::string_view> ForwardedParameter(std::string_view element, std::string_view name,
                                                   TextArena& arena) {
  std::optional<std::string_view> found;
  const bool sound = Walk(element, arena, [&](std::string_view here, std::string_view value) {
    if (!found && EqualsIgnoreCase(here, name)) found = value;
  });
  return sound ? found : std::nullopt;
}

bool IsForwardedElement(std::string_view element, TextArena& arena) {
  return Walk(element, arena, [](std::string_view, std::string_view) {});
}

std::string ForwardedNode(const std::optional<net::IpAddress>& address) {
  if (!address) return "unknown";
  return address->v4() ? address->ToString() : fmt::format("\"[{}]\"", address->ToString());
}

void AppendForwardedElement(std::string& list, std::string_view node, std::string_view host,
                            std::string_view scheme) {
  if (!list.empty()) list.append(", ");
  list.append("for=").append(node);
  if (!host.empty()) list.append(";host=").append(TokenOrQuoted(host));
  if (!scheme.empty()) list.append(";proto=").append(scheme);
}

}  // namespace hawser::http
