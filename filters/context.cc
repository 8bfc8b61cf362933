#include "filters/context.h"

namespace hawser::filters {

Context::~Context() {
  TakeResumed();
}

void Context::Resume(Verdict verdict) {
  if (resumed_ || verdict.kind() == Verdict::Kind::kWait) return;
  resumed_ = verdict;
  loop.Soon(waiter_, {.tag = tag_});
}

// The waiter may not have heard yet: a filter can resume before it has returned kWait.
std::optional<Verdict> Context::TakeResumed() {
  if (resumed_) loop.CancelSoon(waiter_, tag_);
  return std::exchange(resumed_, std::nullopt);
}

}  // namespace hawser::filters
