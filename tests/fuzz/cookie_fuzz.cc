// Cookies out of any bytes (the first line is the name, the rest are Cookie fields, one a line): values lie
// inside their field, and a cookie that Set-Cookie can write is found again among them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/http/cookie.h"

namespace {

using namespace hawser;

void Check(bool holds) {
  if (!holds) std::abort();
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void CheckRoundTrip(std::string_view name, std::string_view value) {
  const std::string written = http::ToString({.name = name, .value = value});
  Check(written.empty() == !(http::IsCookieName(name) && http::IsCookieValue(value)));
  if (written.empty()) return;
  Check(written.find_first_of("\r\n") == std::string::npos);
  http::HeaderList headers;
  const std::string field = "first=1; " + written.substr(0, written.find(';'));
  headers.Add("Cookie", field);
  const bool quoted = value.size() >= 2 && value.front() == '"';
  const std::string_view expected = quoted ? value.substr(1, value.size() - 2) : value;
  Check(http::FindCookie(headers, name) == (name == "first" ? "1" : expected));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view whole = text;
  const std::string_view name = TakeLine(text);
  http::HeaderList headers;
  while (!text.empty()) headers.Add("Cookie", TakeLine(text));
  if (const auto value = http::FindCookie(headers, name)) {
    Check(value->empty() ||
          (value->data() > whole.data() && value->data() + value->size() <= whole.data() + whole.size()));
    Check(value->find(';') == std::string_view::npos);
    CheckRoundTrip(name, *value);
  }
  for (const http::Header& header : headers) CheckRoundTrip(name, header.value);
  return 0;
}
