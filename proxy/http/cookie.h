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

// The values of the cookies of one name (case matters, §5.3), in the order in which they came, in whichever Cookie fields
// they stand: HTTP/2 splits them into crumbs (RFC 9113 §8.2.3). Without the double quotes that may enclose a value. Pairs
// without '=' are passed over, and a quote does not hide a ';', as in browsers. There is more than one where browsers
// have them for several paths or domains; the longest path comes first (§5.4). Views into its arguments.
class CookieReader {
 public:
  CookieReader(const HeaderList& headers, std::string_view name);
  // None at the end.
  std::optional<std::string_view> Next();

 private:
  std::span<const Header> fields_;  // that are still to be looked at
  std::string_view rest_;           // of the field before them
  std::string_view name_;
};

// The first of them.
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

// What the three texts of a SetCookie must satisfy (§4.1.1), so that none can add an attribute or end the line.
bool IsCookieName(std::string_view name);
bool IsCookieValue(std::string_view value);
bool IsCookiePath(std::string_view path);

// The value of a Set-Cookie field: "moor=abc; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax". Empty if one of
// the three texts does not satisfy its rule.
std::string ToString(const SetCookie& cookie);

}  // namespace hawser::http
