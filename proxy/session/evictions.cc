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

bool Evictions::AreFew(List& list) {
  int count = 0;
  for (EvictionPlace* place = list.front(); place != nullptr; place = list.Next(*place)) {
    if (++count == kFew) return false;
  }
  return true;
}

EvictionPlace* Evictions::Next(std::optional<size_t> listener, base::TimePoint spared) {
  for (size_t kind = 0; kind < kKinds; ++kind) {
    EvictionPlace* oldest = nullptr;
    List* list = nullptr;  // of the oldest
    for (size_t i = listener.value_or(0); i < listeners_.size(); ++i) {
      List& candidates = listeners_[i][kind];
      EvictionPlace* const first = candidates.front();
      if (first != nullptr && (oldest == nullptr || first->since_ < oldest->since_)) {
        oldest = first;
        list = &candidates;
      }
      if (listener) break;
    }
    if (oldest == nullptr) continue;
    const bool may_be_new = kind == static_cast<size_t>(Evictable::kNoRequest) && oldest->since_ > spared;
    if (!may_be_new || !AreFew(*list)) return oldest;
  }
  return nullptr;
}

}  // namespace hawser::session
