// What routing knows of a request's host and path. A path is compared as it was sent, undecoded, since that
// is what the backend gets to see.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace hawser::route {

// Whether `path` has a "." or ".." segment in any of the spellings that some server resolves: dots and
// slashes encoded
// (%2e, %2f, %5c), a backslash for a slash, parameters behind the dots ("..;x"). Such a path could be routed
// as one place and served as another; no browser sends it.
bool HasDotSegments(std::string_view path);

// The length of a prefix in whole segments: whether the first `length` bytes of `path` end at a segment's
// end.
inline bool EndsSegment(std::string_view path, size_t length) {
  return path.size() == length || path[length] == '/' || path[length - 1] == '/';
}

// The host of an authority as hosts are compared: lower case, without port and without the dot of the DNS
// root. Empty where there is none, and for what is longer than any DNS name.
class HostName {
 public:
  explicit HostName(std::string_view authority);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 255> text_;
  size_t size_ = 0;
};

}  // namespace hawser::route
