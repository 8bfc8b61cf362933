#include "proxy/cluster/usable_view.h"

#include <algorithm>

namespace hawser::cluster {

UsableView::UsableView(const MemberLevel& level, const std::optional<SlowStart>& slow_start,
                       base::TimePoint now)
    : level_(level), members_(level.members()) {
  bool warming = false;
  size_t usable = 0;
  for (const Member& member : members_) {
    if (member.weight == 0) continue;
    ++health_.all;
    if (member.endpoint->sound()) ++health_.sound;
    if (!member.endpoint->usable()) continue;
    ++usable;
    warming |= slow_start && !slow_start->Warm(*member.endpoint, now);
  }
  if (usable == members_.size() && !warming) return;
  own_.reserve(usable);
  usable_.reserve(members_.size());
  for (const Member& member : members_) {
    usable_.push_back(member.weight > 0 && member.endpoint->usable());
    if (usable_.back()) own_.push_back(member);
  }
  members_ = own_;
  if (warming) Weigh(*slow_start, now);
}

// Multiplies all weights, so that a part of one is a whole number; their sum stays below 2^32.
void UsableView::Weigh(const SlowStart& slow_start, base::TimePoint now) {
  uint64_t sum = 0;
  for (const Member& member : own_) sum += member.weight;
  const uint64_t factor = std::clamp<uint64_t>(UINT32_MAX / std::max<uint64_t>(sum, 1), 1, SlowStart::kFull);
  for (Member& member : own_) {
    const uint64_t weight =
        member.weight * factor * slow_start.PartOf(*member.endpoint, now) / SlowStart::kFull;
    member.weight = static_cast<uint32_t>(std::max<uint64_t>(weight, 1));
  }
  until_ = now + slow_start.Step();
}

}  // namespace hawser::cluster
