#include "proxy/http/cookie.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "fmt/format.h"
#include "proxy/http/characters.h"

namespace hawser::http {
namespace {

std::string_view Unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// Removes everything from the field up to and with the next cookie of that name, and returns its value.
std::optional<std::string_view> TakeCookie(std::string_view& field, std::string_view name) {
  while (!field.empty()) {
    const size_t end = std::min(field.find(';'), field.size());
    const std::string_view pair = field.substr(0, end);
    field.remove_prefix(std::min(end + 1, field.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || TrimWhitespace(pair.substr(0, equals)) != name) continue;
    return Unquoted(TrimWhitespace(pair.substr(equals + 1)));
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 3> kSameSiteNames = {"Lax", "Strict", "None"};

}  // namespace

CookieReader::CookieReader(const HeaderList& headers, std::string_view name)
    : fields_(headers.begin(), headers.end()), name_(name) {}

std::optional<std::string_view> CookieReader::Next() {
  while (true) {
    if (const auto value = TakeCookie(rest_, name_)) return value;
    if (fields_.empty()) return std::nullopt;
    if (EqualsIgnoreCase(fields_.front().name, "Cookie")) rest_ = fields_.front().value;
    fields_ = fields_.subspan(1);
  }
}

std::optional<std::string_view> FindCookie(const HeaderList& headers, std::string_view name) {
  return CookieReader(headers, name).Next();
}

bool IsCookieName(std::string_view name) {
  return IsToken(name);
}

bool IsCookieValue(std::string_view value) {
  return AllAre(Unquoted(value), kCookieCharacter);
}

bool IsCookiePath(std::string_view path) {
  const auto legal = [](char c) { return c == ' ' || (Is(c, kVisibleCharacter) && c != ';'); };
  return path.starts_with('/') && std::all_of(path.begin(), path.end(), legal);
}

std::string ToString(const SetCookie& cookie) {
  if (!IsCookieName(cookie.name) || !IsCookieValue(cookie.value) || !IsCookiePath(cookie.path)) return {};
  std::string text = fmt::format("{}={}; Path={}", cookie.name, cookie.value, cookie.path);
  if (cookie.max_age) text += fmt::format("; Max-Age={}", cookie.max_age->count());
  if (cookie.secure) text += "; Secure";
  if (cookie.http_only) text += "; HttpOnly";
  text += "; SameSite=";
  return text += kSameSiteNames[static_cast<size_t>(cookie.same_site)];
}

}  // namespace hawser::http
