#include "filters/chain.h"

#include <utility>

#include "filters/table.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::filters {

absl::StatusOr<Chain> Chain::Create(std::span<const config::FilterConfig> settings) {
  std::vector<std::unique_ptr<const Filter>> filters;
  for (const config::FilterConfig& one : settings) {
    HAWSER_ASSIGN_OR_RETURN(std::unique_ptr<const Filter> filter, MakeFilter(one));
    filters.push_back(std::move(filter));
  }
  return Chain(std::move(filters));
}

Locals Chain::MakeLocals(event::Loop& loop) const {
  Locals locals;
  for (size_t i = 0; i < filters_.size(); ++i) {
    AnyObject local = filters_[i]->MakeLocal(loop);
    if (!local) continue;
    locals.resize(filters_.size());
    locals[i] = std::move(local);
  }
  return locals;
}

Verdict Chain::OnRequest(Context& context) const {
  HAWSER_DCHECK(context.phase_ == Context::Phase::kAsking || context.phase_ == Context::Phase::kResumed);
  for (; context.next_ < filters_.size(); ++context.next_) {
    Verdict verdict = context.phase_ == Context::Phase::kResumed ? context.TakeResumed() : Ask(context);
    if (verdict.kind() == Verdict::Kind::kContinue) continue;
    const bool waits = verdict.kind() == Verdict::Kind::kWait;
    context.phase_ = waits ? Context::Phase::kWaiting : Context::Phase::kOver;
    if (waits) context.late_ = verdict.reason();
    return verdict;
  }
  context.phase_ = Context::Phase::kOver;
  return Verdict::Continue();
}

// Asks the next filter. One that waits may have resumed already.
Verdict Chain::Ask(Context& context) const {
  context.current_ = context.next_;
  context.seen_ = context.next_ + 1;
  Verdict verdict = filters_[context.next_]->OnRequest(context);
  if (context.phase_ != Context::Phase::kResumed) return verdict;
  Verdict resumed = context.TakeResumed();
  return verdict.kind() == Verdict::Kind::kWait ? std::move(resumed) : std::move(verdict);
}

void Chain::OnResponse(Context& context, http::ResponseHead& head) const {
  for (size_t i = context.seen_; i > 0; --i) {
    context.current_ = i - 1;
    filters_[i - 1]->OnResponse(context, head);
  }
}

}  // namespace hawser::filters
