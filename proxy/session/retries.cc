#include "proxy/session/retries.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::session {

std::optional<config::RetryOn> Retries::CauseOf(int status) {
  switch (status) {
    case 502: return config::RetryOn::k502;
    case 503: return config::RetryOn::k503;
    case 504: return config::RetryOn::k504;
    default: return std::nullopt;
  }
}

Retries::Answer Retries::Ask(const config::Retry& settings, std::optional<config::RetryOn> cause) const {
  const auto& causes = settings.retry_on;
  if (settings.attempts == 0) return Answer::kNo;
  if (cause && std::find(causes.begin(), causes.end(), *cause) == causes.end()) return Answer::kNo;
  return begun_ <= settings.attempts ? Answer::kYes : Answer::kSpent;
}

// It enters first and looks then: of two that enter at the same time, not both see the last place.
bool Retries::Enter(const config::Retry& settings, cluster::Load& load) {
  lease_.Release();
  cluster::RetryLease lease(load);
  const cluster::Open open = load.open.now();
  const int64_t share = (open.requests + open.handshakes) * settings.budget_percent / 100;
  if (load.retries() > std::max<int64_t>(settings.budget_least, share)) return false;
  lease_ = std::move(lease);
  return true;
}

}  // namespace hawser::session
