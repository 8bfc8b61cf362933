#include "proxy/session/evictions.h"

#include "proxy/base/check.h"

namespace hawser::session {
namespace {

constexpr size_t kKinds = static_cast<size_t>(Evictable::kCount);

struct Spec {
  std::string_view text;
  stats::Metric metric;
};
constexpr std::array<Spec, kKinds> kSpecs = {{
    {"without a request, of an address in bad standing", stats::Metric::kEvictedNoRequestBadStanding},
    {"without a request", stats::Metric::kEvictedNoRequest},
    {"idle between requests", stats::Metric::kEvictedIdle},
    {"in the body of a request", stats::Metric::kEvictedBody},
}};

}  // namespace

std::string_view TextOf(Evictable kind) {
  return kSpecs[static_cast<size_t>(kind)].text;
}

stats::Metric MetricOf(Evictable kind) {
  return kSpecs[static_cast<size_t>(kind)].metric;
}

void Evictions::Put(EvictionPlace& place, size_t listener, Evictable kind, base::TimePoint now) {
  HAWSER_DCHECK(kind < Evictable::kCount);
  while (listeners_.size() <= listener) listeners_.emplace_back();
  place.since_ = now;
  place.kind_ = kind;
  listeners_[listener][static_cast<size_t>(kind)].PushBack(place);
}

EvictionPlace* Evictions::Next(std::optional<size_t> listener) {
  for (size_t kind = 0; kind < kKinds; ++kind) {
    EvictionPlace* oldest = nullptr;
    for (size_t i = listener.value_or(0); i < listeners_.size(); ++i) {
      EvictionPlace* const first = listeners_[i][kind].front();
      if (first != nullptr && (oldest == nullptr || first->since_ < oldest->since_)) oldest = first;
      if (listener) break;
    }
    if (oldest != nullptr) return oldest;
  }
  return nullptr;
}

}  // namespace hawser::session
