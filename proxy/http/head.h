// The heads of requests and responses (RFC 9110), as every codec hands them over: HTTP/1.1, HTTP/2, and what
// hawser makes itself. All text is views into storage that the codec's caller keeps alive, or into the head's
// own `TextArena`.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hawser::http {

// ASCII case-insensitive, as field names and most tokens compare (RFC 9110 §5.1).
bool SameLettersIgnoringCase(const char* a, const char* b, size_t count);
inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && SameLettersIgnoringCase(a.data(), b.data(), a.size());
}

// The same, with '_' in `name` read as '-', as CGI-like backends do.
bool SpellsSame(std::string_view name, std::string_view field);

// Without leading and trailing spaces and tabs (OWS, RFC 9110 §5.6.3).
std::string_view TrimWhitespace(std::string_view text);

// Takes the next element off a comma-separated list (RFC 9110 §5.6.1), trimmed; commas inside quoted strings
// do not separate. Empty elements are skipped; an empty result means that the list has ended.
std::string_view TakeElement(std::string_view& list);

// Whether a request of this method may be sent again when the backend may already have acted on it (RFC 9110
// §9.2.2). False for unknown methods.
bool IsIdempotent(std::string_view method);

struct Header {
  std::string_view name;  // as it was sent; compare with EqualsIgnoreCase
  std::string_view value;
};

// Whether its name has a '_', which CGI-like backends read as a '-'.
inline bool HasUnderscore(const Header& header) {
  return header.name.find('_') != std::string_view::npos;
}

class HeaderList {
 public:
  void Add(std::string_view name, std::string_view value) { headers_.push_back({name, value}); }
  // Replaces the first field of that name and removes the others; adds it where there is none.
  void Set(std::string_view name, std::string_view value);
  void Remove(std::string_view name);
  // Removes every field for which condition(const Header&) holds; returns how many.
  template <typename Condition>
  size_t RemoveIf(Condition condition) {
    return std::erase_if(headers_, condition);
  }

  // The first value of that name.
  std::optional<std::string_view> Find(std::string_view name) const;
  size_t Count(std::string_view name) const;
  // Whether any field of that name, read as a comma-separated list, holds `token` (RFC 9110 §5.6.1), ignoring
  // case.
  bool HasToken(std::string_view name, std::string_view token) const;

  void Clear() { headers_.clear(); }
  void Reserve(size_t count) { headers_.reserve(count); }
  size_t size() const { return headers_.size(); }
  bool empty() const { return headers_.empty(); }
  auto begin() const { return headers_.begin(); }
  auto end() const { return headers_.end(); }

 private:
  std::vector<Header> headers_;
};

// Takes the leading zeros off a Content-Length of digits: "003" becomes "3", "00" becomes "0". Some readers
// would read such a number as octal.
void RemoveLengthZeros(HeaderList& headers);

// Owns strings that a head's views point to when the received bytes do not contain them. Their addresses are
// stable.
class TextArena {
 public:
  std::string_view operator()(std::string text) { return strings_.emplace_back(std::move(text)); }
  void Clear() { strings_.clear(); }

 private:
  std::deque<std::string> strings_;
};

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

struct RequestHead {
  std::string_view method;
  std::string_view target;     // path and query, "/chat?room=1" (or "*", or an authority for CONNECT)
  std::string_view scheme;     // "https"; empty where the codec has none (origin-form HTTP/1)
  std::string_view authority;  // Host or :authority, as sent
  std::string_view protocol;   // :protocol of an extended CONNECT (RFC 8441); empty otherwise
  Version version = Version::kHttp11;
  HeaderList headers;  // without pseudo-headers; Host stays in it for HTTP/1
  bool body = false;   // a body follows, maybe of no bytes
  // Holds `target` if it differs from the received one; else null.
  std::shared_ptr<const std::string> target_text;

  std::string_view path() const { return target.substr(0, target.find('?')); }
  // Behind the '?'; empty when there is none.
  std::string_view query() const;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;
  Version version = Version::kHttp11;
  HeaderList headers;
  bool body = false;  // as in RequestHead; false for an answer to HEAD, whatever Content-Length says
};

// Whether a response with that status has no body, whatever its fields say (RFC 9112 §6.3).
constexpr bool NeverHasBody(int status) {
  return status < 200 || status == 204 || status == 304;
}

// The raw (undecoded) value of `name` in a query string "a=1&b=2".
std::optional<std::string_view> QueryParameter(std::string_view query, std::string_view name);

// The host of an authority: "example.com:8080" → "example.com", "[::1]:80" → "[::1]".
std::string_view HostOf(std::string_view authority);

// Whether `authority` is a host and an optional port as Host and :authority carry them (RFC 3986 §3.2.2,
// §3.2.3): a registered name or IPv4 address, or an IPv6 address in brackets. No user information, no zone;
// not empty.
bool IsValidAuthority(std::string_view authority);

}  // namespace hawser::http
