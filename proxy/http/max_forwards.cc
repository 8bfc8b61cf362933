#include "proxy/http/max_forwards.h"

#include <charconv>
#include <limits>
#include <string>

#include "proxy/http/characters.h"

namespace hawser::http {

ForwardLimit CountForward(RequestHead& head, TextArena& arena) {
  if (head.method != "OPTIONS" && head.method != "TRACE") return ForwardLimit::kAllowed;
  const auto text = head.headers.Find("Max-Forwards");
  if (!text) return ForwardLimit::kAllowed;
  if (head.headers.Count("Max-Forwards") > 1 || text->empty() || !AllAre(*text, kDigit))
    return ForwardLimit::kMalformed;
  uint32_t left = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), left);
  if (error != std::errc()) left = std::numeric_limits<uint32_t>::max();
  if (left == 0) return ForwardLimit::kExhausted;
  head.headers.Set("Max-Forwards", arena(std::to_string(left - 1)));
  return ForwardLimit::kAllowed;
}

}  // namespace hawser::http
