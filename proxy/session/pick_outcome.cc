#include "proxy/session/pick_outcome.h"

namespace hawser::session {
namespace {

using http::Reject;

// The metrics stand in the order of the results.
constexpr stats::Metric AffinityMetric(cluster::AffinityResult result) {
  return static_cast<stats::Metric>(static_cast<int>(stats::Metric::kAffinityNone) +
                                    static_cast<int>(result));
}
static_assert(AffinityMetric(cluster::AffinityResult::kSet) == stats::Metric::kAffinitySet &&
              AffinityMetric(cluster::AffinityResult::kHit) == stats::Metric::kAffinityHit &&
              AffinityMetric(cluster::AffinityResult::kForged) == stats::Metric::kAffinityForged &&
              AffinityMetric(cluster::AffinityResult::kExpired) == stats::Metric::kAffinityExpired &&
              AffinityMetric(cluster::AffinityResult::kGone) == stats::Metric::kAffinityGone &&
              AffinityMetric(cluster::AffinityResult::kUnknown) == stats::Metric::kAffinityUnknown &&
              static_cast<int>(cluster::AffinityResult::kUnknown) + 1 ==
                  static_cast<int>(cluster::AffinityResult::kCount));

}  // namespace

stats::Metric MetricOf(cluster::AffinityResult result) {
  return AffinityMetric(result);
}

uint8_t PartsOf(uint32_t state) {
  using cluster::Endpoint;
  const bool out = (state & (Endpoint::kEjected | Endpoint::kProbing)) != 0;
  return (out ? http::kEjectionPart : 0) | ((state & Endpoint::kPanic) != 0 ? http::kPanicPart : 0);
}

Reject RejectOf(cluster::NoPick why) {
  switch (why) {
    case cluster::NoPick::kTunnelsFull: return Reject::kTunnelsFull;
    case cluster::NoPick::kRequestsFull: return Reject::kRequestsFull;
    case cluster::NoPick::kConnectingFull: return Reject::kConnectingFull;
    case cluster::NoPick::kNone:
    case cluster::NoPick::kNoEndpoint: break;
  }
  return Reject::kNoEndpoint;
}

}  // namespace hawser::session
