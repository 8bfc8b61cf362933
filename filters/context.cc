#include "filters/context.h"

namespace hawser::filters {

Context::~Context() {
  if (waiter_called_) loop.CancelSoon(waiter_, tag_);
}

// While the chain still runs, the waiter need not be called: the chain goes on by itself.
void Context::Resume(Verdict verdict) {
  HAWSER_DCHECK(verdict.kind() != Verdict::Kind::kWait);
  if (phase_ != Phase::kAsking && phase_ != Phase::kWaiting) return;
  if (phase_ == Phase::kWaiting) {
    loop.Soon(waiter_, {.tag = tag_});
    waiter_called_ = true;
  }
  resumed_ = std::move(verdict);
  phase_ = Phase::kResumed;
}

http::Reject Context::Expire() {
  HAWSER_DCHECK(waiting());
  phase_ = Phase::kOver;
  return late_;
}

// The waiter's call may still be pending if another event made the chain go on.
Verdict Context::TakeResumed() {
  HAWSER_DCHECK(phase_ == Phase::kResumed);
  if (std::exchange(waiter_called_, false)) loop.CancelSoon(waiter_, tag_);
  phase_ = Phase::kAsking;
  return std::exchange(resumed_, Verdict::Continue());
}

}  // namespace hawser::filters
