#include "proxy/http/head.h"

#include <algorithm>

#include "proxy/http/characters.h"
#include "proxy/net/address.h"

namespace hawser::http {
namespace {

bool IsRegisteredName(std::string_view host) {
  while (!host.empty()) {
    host.remove_prefix(CountLeading(host, kHostCharacter));
    if (host.empty()) return true;
    if (host.size() < 3 || host[0] != '%' || !AllAre(host.substr(1, 2), kHexDigit)) return false;
    host.remove_prefix(3);
  }
  return true;
}

bool IsBracketedIpv6(std::string_view host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return false;
  const std::string_view address = host.substr(1, host.size() - 2);
  const auto legal = [](char c) { return Is(c, kHexDigit) || c == ':' || c == '.'; };
  return address.find(':') != std::string_view::npos && std::all_of(address.begin(), address.end(), legal) &&
         net::IpAddress::Parse(address).ok();
}

// Behind the colon. May be empty: "example.com:" means the default port (RFC 3986 §3.2.3).
bool IsPort(std::string_view port) {
  if (port.size() > 5 || !AllAre(port, kDigit)) return false;
  int number = 0;
  for (const char digit : port) number = number * 10 + (digit - '0');
  return number <= 65535;
}

// The end of the list's first element: its comma, or the end.
size_t EndOfElement(std::string_view list) {
  bool quoted = false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (list[i] == '\\' && quoted) ++i;
    if (i < list.size() && list[i] == ',' && !quoted) return i;
  }
  return list.size();
}

}  // namespace

bool SameLettersIgnoringCase(const char* a, const char* b, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (a[i] != b[i] && LowerCase(a[i]) != LowerCase(b[i])) return false;
  }
  return true;
}

bool SpellsSame(std::string_view name, std::string_view field) {
  return std::equal(name.begin(), name.end(), field.begin(), field.end(),
                    [](char a, char b) { return LowerCase(a == '_' ? '-' : a) == LowerCase(b); });
}

std::string_view TrimWhitespace(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool IsIdempotent(std::string_view method) {
  constexpr std::string_view kIdempotent[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(std::begin(kIdempotent), std::end(kIdempotent), method) != std::end(kIdempotent);
}

std::string_view TakeElement(std::string_view& list) {
  while (!list.empty()) {
    const size_t end = EndOfElement(list);
    const std::string_view element = TrimWhitespace(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (!element.empty()) return element;
  }
  return {};
}

void HeaderList::Set(std::string_view name, std::string_view value) {
  const auto named = [name](const Header& header) { return EqualsIgnoreCase(header.name, name); };
  const auto first = std::find_if(headers_.begin(), headers_.end(), named);
  if (first == headers_.end()) return Add(name, value);
  first->value = value;
  headers_.erase(std::remove_if(first + 1, headers_.end(), named), headers_.end());
}

void HeaderList::Remove(std::string_view name) {
  RemoveIf([name](const Header& header) { return EqualsIgnoreCase(header.name, name); });
}

std::optional<std::string_view> HeaderList::Find(std::string_view name) const {
  for (const Header& header : headers_) {
    if (EqualsIgnoreCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

size_t HeaderList::Count(std::string_view name) const {
  const auto named = [name](const Header& header) { return EqualsIgnoreCase(header.name, name); };
  return static_cast<size_t>(std::count_if(headers_.begin(), headers_.end(), named));
}

bool HeaderList::HasToken(std::string_view name, std::string_view token) const {
  for (const Header& header : headers_) {
    if (!EqualsIgnoreCase(header.name, name)) continue;
    std::string_view list = header.value;
    for (auto element = TakeElement(list); !element.empty(); element = TakeElement(list)) {
      if (EqualsIgnoreCase(element, token)) return true;
    }
  }
  return false;
}

void RemoveLengthZeros(HeaderList& headers) {
  const auto length = headers.Find("Content-Length");
  if (!length || length->size() < 2 || length->front() != '0' || !AllAre(*length, kDigit)) return;
  headers.Set("Content-Length", length->substr(std::min(length->find_first_not_of('0'), length->size() - 1)));
}

std::string_view RequestHead::query() const {
  const size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

std::optional<std::string_view> QueryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) return pair.substr(std::min(equals + 1, pair.size()));
  }
  return std::nullopt;
}

std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('['))
    return authority.substr(0, std::min(authority.find(']'), authority.size() - 1) + 1);
  return authority.substr(0, authority.find(':'));
}

bool IsValidAuthority(std::string_view authority) {
  const std::string_view host = HostOf(authority);
  if (host.empty()) return false;
  const std::string_view rest = authority.substr(host.size());
  if (!rest.empty() && (rest[0] != ':' || !IsPort(rest.substr(1)))) return false;
  return host[0] == '[' ? IsBracketedIpv6(host) : IsRegisteredName(host);
}

}  // namespace hawser::http
