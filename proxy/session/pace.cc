#include "proxy/session/pace.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace hawser::session {
namespace {

template <class Limit>
Meter MeterOf(const std::optional<Limit>& limit) {
  return limit && limit->rate.per_second > 0 ? Meter(*limit) : Meter();
}

template <class Limit>
bool Limits(const config::PerDirection<Limit>& limits) {
  return MeterOf(limits.from_client).limited() || MeterOf(limits.from_backend).limited();
}

}  // namespace

Meter::Meter(double per_second, uint64_t burst, config::OverRate over_limit)
    : per_second_(per_second), burst_(burst), over_limit_(over_limit) {}

Meter::Meter(const config::MessageRateLimit& limit)
    : Meter(limit.rate.per_second, limit.burst, limit.over_limit) {}

Meter::Meter(const config::ByteRateLimit& limit)
    : Meter(limit.rate.per_second, limit.burst.bytes, limit.over_limit) {}

uint64_t Meter::Available(base::TimePoint now) const {
  return limited() ? bucket_.Available(now, per_second_, burst_) : kNoLimit;
}

void Meter::Spend(base::TimePoint now, uint64_t count) {
  if (limited()) bucket_.Spend(now, per_second_, count);
}

base::TimePoint Meter::RefilledAt() const {
  HAWSER_DCHECK(limited());
  const auto worth = static_cast<uint64_t>(std::max(1.0, per_second_ / 10));
  return bucket_.AvailableAt(per_second_, burst_, std::min(worth, burst_));
}

Paces::Paces(const config::WebSocket& settings)
    : from_client{.messages = MeterOf(settings.message_rate.from_client),
                  .bytes = MeterOf(settings.byte_rate.from_client)},
      from_backend{.messages = MeterOf(settings.message_rate.from_backend),
                   .bytes = MeterOf(settings.byte_rate.from_backend)} {}

bool Paces::AskedFor(const config::WebSocket& settings) {
  return Limits(settings.message_rate) || Limits(settings.byte_rate);
}

}  // namespace hawser::session
