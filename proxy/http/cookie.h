// Cookies (RFC 6265): reads one out of a request's Cookie fields, writes a Set-Cookie value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http/head.h"

namespace hawser::http {

// Reads the values of all cookies of one name (case matters, §5.3), in the order in which they came, from
// every Cookie field: HTTP/2 splits one into several (RFC 9113 §8.2.3). Double quotes around a value are left
// out. Pairs without '=' are skipped, and a quote does not hide a ';', as in browsers. Browsers send several
// cookies of one name where they have them for several paths or domains, the longest path first (§5.4). The
// values are views into the arguments.
class CookieReader {
 public:
  CookieReader(const HeaderList& headers, std::string_view name);
  // None at the end.
  std::optional<std::string_view> Next();

 private:
  std::span<const Header> fields_;  // not looked at yet
  std::string_view rest_;           // what is left of the field before them
  std::string_view name_;
};

// The first cookie of that name.
std::optional<std::string_view> FindCookie(const HeaderList& headers, std::string_view name);

enum class SameSite : uint8_t { kLax, kStrict, kNone };

struct SetCookie {
  std::string_view name;
  std::string_view value;
  std::string_view path = "/";
  std::optional<std::chrono::seconds> max_age;  // none: until the browser closes
  bool secure = false;
  bool http_only = false;
  SameSite same_site = SameSite::kLax;
};

// The rules for the name, value and path of a SetCookie (§4.1.1), so that none can add an attribute or end
// the line.
bool IsCookieName(std::string_view name);
bool IsCookieValue(std::string_view value);
bool IsCookiePath(std::string_view path);

// The value of a Set-Cookie field: "moor=abc; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax". Empty if
// name, value or path breaks its rule.
std::string ToString(const SetCookie& cookie);

}  // namespace hawser::http
