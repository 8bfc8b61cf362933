#include "proxy/http/trailers.h"

#include <algorithm>
#include <array>

#include "proxy/http/head.h"

namespace hawser::http {
bool MayBeTrailer(std::string_view name) {
  constexpr auto kRefused = std::to_array<std::string_view>({
      "Transfer-Encoding",
      "Content-Length",
      "Content-Encoding",
      "Content-Type",
      "Content-Range",
      "Host",
      "Connection",
      "Keep-Alive",
      "Proxy-Connection",
      "Upgrade",
      "TE",
      "Trailer",
      "Expect",
      "Range",
      "Max-Forwards",
      "Cache-Control",
      "Authorization",
      "Proxy-Authorization",
      "Proxy-Authenticate",
      "WWW-Authenticate",
      "Cookie",
      "Set-Cookie",
      "Origin",
      "Forwarded",
      "X-Forwarded-For",
      "X-Forwarded-Proto",
      "X-Forwarded-Host",
      "X-Forwarded-Port",
      "X-Real-IP",
      "X-Request-Id",
      "Via",
      "Location",
      "Date",
      "Age",
      "Vary",
  });
  return std::none_of(kRefused.begin(), kRefused.end(),
                      [name](std::string_view refused) { return SpellsSame(name, refused); });
}

}  // namespace hawser::http
