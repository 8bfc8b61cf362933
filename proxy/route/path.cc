#include "proxy/route/path.h"

#include <algorithm>
#include <cstdint>

#include "proxy/http/head.h"

namespace hawser::route {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of `path` at `at`, percent-decoded once; moves `at` behind it.
char NextDecoded(std::string_view path, size_t& at) {
  const char plain = path[at++];
  if (plain != '%' || path.size() - at < 2) return plain;
  const int high = HexDigit(path[at]);
  const int low = HexDigit(path[at + 1]);
  if (high < 0 || low < 0) return plain;
  at += 2;
  return static_cast<char>(high * 16 + low);
}

// Reads one segment, byte by byte.
struct Segment {
  size_t dots = 0;
  bool only_dots = true;
  bool parameters = false;

  void Add(char c) {
    if (c == ';') parameters = true;
    if (parameters) return;
    only_dots = only_dots && c == '.';
    ++dots;
  }
  bool IsDot() const { return only_dots && (dots == 1 || dots == 2); }
};

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool HasDotSegments(std::string_view path) {
  Segment segment;
  for (size_t at = 0; at < path.size();) {
    const char c = NextDecoded(path, at);
    if (c != '/' && c != '\\') {
      segment.Add(c);
      continue;
    }
    if (segment.IsDot()) return true;
    segment = Segment();
  }
  return segment.IsDot();
}

HostName::HostName(std::string_view authority) {
  std::string_view host = http::HostOf(authority);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > text_.size()) return;
  std::transform(host.begin(), host.end(), text_.begin(), ToLower);
  size_ = host.size();
}

}  // namespace hawser::route
