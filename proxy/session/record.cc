#include "proxy/session/record.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "proxy/base/check.h"
#include "proxy/session/logged_target.h"

namespace hawser::session {
namespace {

uint16_t MillisOf(base::TimePoint::duration time) {
  const auto millis = std::chrono::duration_cast<base::Duration>(time).count();
  return static_cast<uint16_t>(
      std::clamp<base::Duration::rep>(millis, 0, std::numeric_limits<uint16_t>::max()));
}

}  // namespace

RequestText::RequestText(std::string_view request_id, std::string_view method, std::string_view host,
                         std::string_view target) {
  HAWSER_DCHECK(target.size() <= kLongestTarget);
  constexpr size_t kLongest = 256;
  const std::string_view parts[] = {request_id.substr(0, kLongest), method.substr(0, kLongest),
                                    host.substr(0, kLongest), target};
  size_t size = 0;
  for (size_t i = 0; i < std::size(parts); ++i) {
    size += parts[i].size();
    HAWSER_DCHECK(size <= std::numeric_limits<uint16_t>::max());
    ends_[i] = static_cast<uint16_t>(size);
  }
  text_ = std::make_unique_for_overwrite<char[]>(size);
  char* at = text_.get();
  for (const std::string_view part : parts) at = std::copy(part.begin(), part.end(), at);
}

void RequestRecord::AddToQueue(base::TimePoint::duration waited) {
  queue_ms = MillisOf(base::Duration(queue_ms) + waited);
}

void RequestRecord::SetOpened(base::TimePoint now) {
  tunnel = true;
  constexpr base::Duration::rep kMost = (1 << 24) - 1;
  handshake_ms = std::min(std::chrono::ceil<base::Duration>(now - start).count(), kMost) & kMost;
}

std::string_view NameOf(http::Version version) {
  switch (version) {
    case http::Version::kHttp10: return "HTTP/1.0";
    case http::Version::kHttp11: return "HTTP/1.1";
    case http::Version::kHttp2: return "HTTP/2";
  }
  return "";
}

}  // namespace hawser::session
