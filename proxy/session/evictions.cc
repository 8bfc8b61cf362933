#include "proxy/session/evictions.h"

#include <algorithm>

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

void Evictions::Put(EvictionPlace& place, uint32_t listener, Evictable kind, base::TimePoint now) {
  HAWSER_DCHECK(kind < Evictable::kCount);
  place.since_ = now;
  place.kind_ = kind;
  Of(listener)[static_cast<size_t>(kind)].PushBack(place);
}

// A new listener takes the place of those that have gone, which are among those without connections.
Evictions::Kinds& Evictions::Of(uint32_t listener) {
  if (const auto found = listeners_.find(listener); found != listeners_.end()) return *found->second;
  absl::erase_if(listeners_, [](const auto& entry) {
    return std::all_of(entry.second->begin(), entry.second->end(),
                       [](const List& list) { return list.empty(); });
  });
  return *listeners_.try_emplace(listener, std::make_unique<Kinds>()).first->second;
}

bool Evictions::AreFew(List& list) {
  int count = 0;
  for (EvictionPlace* place = list.front(); place != nullptr; place = list.Next(*place)) {
    if (++count == kFew) return false;
  }
  return true;
}

EvictionPlace* Evictions::Next(std::optional<uint32_t> listener, base::TimePoint spared) {
  for (size_t kind = 0; kind < kKinds; ++kind) {
    EvictionPlace* oldest = nullptr;
    List* list = nullptr;  // of the oldest
    const auto consider = [&](Kinds& kinds) {
      EvictionPlace* const first = kinds[kind].front();
      if (first == nullptr || (oldest != nullptr && first->since_ >= oldest->since_)) return;
      oldest = first;
      list = &kinds[kind];
    };
    if (!listener) {
      for (const auto& [id, kinds] : listeners_) consider(*kinds);
    } else if (const auto found = listeners_.find(*listener); found != listeners_.end()) {
      consider(*found->second);
    }
    if (oldest == nullptr) continue;
    const bool may_be_new = kind == static_cast<size_t>(Evictable::kNoRequest) && oldest->since_ > spared;
    if (!may_be_new || !AreFew(*list)) return oldest;
  }
  return nullptr;
}

}  // namespace hawser::session
