#include "proxy/http2/abuse.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace hawser::http2 {
namespace {

using enum Abuse;

constexpr auto kTable = std::to_array<AbuseSpec>({
    {kResets, "resets", "too many streams were reset"},
    {kProvokedResets, "provoked_resets", "too many streams had to be reset"},
    {kSettings, "settings", "too many SETTINGS frames"},
    {kPings, "pings", "too many PING frames"},
    {kPriorities, "priorities", "too many PRIORITY frames"},
    {kEmptyData, "empty_data", "too many empty DATA frames"},
    {kWindowUpdates, "window_updates", "too many WINDOW_UPDATE frames"},
    {kContinuations, "continuations", "too many CONTINUATION frames"},
    {kHeaderBomb, "header_bomb", "a header block is far too large"},
    {kWindowStall, "window_stall", "a window stayed closed for too long"},
});

constexpr bool InOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].abuse) != i) return false;
  }
  return true;
}

static_assert(kTable.size() == kAbuses, "an abuse has no row");
static_assert(InOrder(), "rows stand in the order of the enumerators");

// The most credit that can be saved.
constexpr int32_t kMostCredit = 1 << 20;

}  // namespace

const AbuseSpec& SpecOf(Abuse abuse) {
  HAWSER_DCHECK(abuse < Abuse::kCount);
  return kTable[static_cast<size_t>(abuse)];
}

bool Budgets::Spend(Abuse abuse, base::TimePoint now) {
  if (begun_ == base::TimePoint::min() || now - begun_ >= limits_.window) {
    begun_ = now;
    for (int32_t& spent : spent_) spent = std::min(spent, 0);
  }
  const auto kind = static_cast<size_t>(abuse);
  HAWSER_DCHECK(kind < kWindowedAbuses);
  return ++spent_[kind] <= static_cast<int32_t>(limits_.most[kind]);
}

void Budgets::Earn(Abuse abuse, uint32_t count) {
  HAWSER_DCHECK(static_cast<size_t>(abuse) < kWindowedAbuses);
  int32_t& spent = spent_[static_cast<size_t>(abuse)];
  spent = std::max(spent - static_cast<int32_t>(count), -kMostCredit);
}

}  // namespace hawser::http2
