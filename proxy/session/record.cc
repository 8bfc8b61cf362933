#include "proxy/session/record.h"

#include <algorithm>

namespace hawser::session {

ClosedBy ClosedByOf(http::Reject reject) {
  using http::Reject;
  switch (reject) {
    case Reject::kNone: return ClosedBy::kNobody;
    case Reject::kClientLost: return ClosedBy::kClient;
    case Reject::kBackendLost:
    case Reject::kBackendClosed: return ClosedBy::kBackend;
    case Reject::kRequestTimeout:
    case Reject::kConnectTimeout:
    case Reject::kBackendTimeout:
    case Reject::kPongTimeout:
    case Reject::kIdleTimeout:
    case Reject::kMaxDuration:
    case Reject::kCloseTimeout: return ClosedBy::kTimeout;
    case Reject::kDraining:
    case Reject::kDrained: return ClosedBy::kDrain;
    case Reject::kNoEndpoint:
    case Reject::kConnectFailed:
    case Reject::kBadBackendResponse:
    case Reject::kBadBackendUpgrade:
    case Reject::kShutdown: return ClosedBy::kProxy;
    default: return ClosedBy::kPolicy;
  }
}

RequestText::RequestText(std::string_view request_id, std::string_view method, std::string_view host,
                         std::string_view path) {
  constexpr size_t kLongest = 256;
  path = path.substr(0, kLongestPath);
  text_.reserve(request_id.size() + method.size() + host.size() + path.size());
  const std::string_view parts[] = {request_id.substr(0, kLongest), method.substr(0, kLongest),
                                    host.substr(0, kLongest)};
  for (size_t i = 0; i < std::size(parts); ++i) {
    text_ += parts[i];
    ends_[i] = static_cast<uint16_t>(text_.size());
  }
  text_ += path;
}

}  // namespace hawser::session
