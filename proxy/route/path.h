// A request's host and path as routing compares them. A path is compared as it was sent, undecoded, because
// the backend sees it so.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/base/check.h"

namespace hawser::route {

// Whether `path` has a "." or ".." segment in any spelling that some server resolves: encoded dots and
// slashes (%2e, %2f, %5c), a backslash instead of a slash, parameters behind the dots ("..;x"). Such a path
// could be routed as one resource and served as another. Browsers do not send it.
bool HasDotSegments(std::string_view path);

// Whether the first `length` bytes of `path` are whole segments. `length` is at least 1 and at most the size
// of `path`.
inline bool EndsSegment(std::string_view path, size_t length) {
  HAWSER_DCHECK(length > 0 && length <= path.size());
  return path.size() == length || path[length] == '/' || path[length - 1] == '/';
}

// The host of an authority in the form in which hosts are compared: lower case, without port and without the
// dot of the DNS root. Empty if there is no host, or if it is longer than any DNS name.
class HostName {
 public:
  explicit HostName(std::string_view authority);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 255> text_;
  size_t size_ = 0;
};

}  // namespace hawser::route
