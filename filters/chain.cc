#include "filters/chain.h"

#include <utility>

#include "filters/table.h"
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

Verdict Chain::OnRequest(Context& context) const {
  for (; context.next_ < filters_.size(); ++context.next_) {
    Verdict verdict = Verdict::Wait();
    if (context.seen_ == context.next_) {
      ++context.seen_;
      verdict = filters_[context.next_]->OnRequest(context);
    }
    if (verdict.kind() == Verdict::Kind::kWait) verdict = context.TakeResumed().value_or(verdict);
    if (verdict.kind() != Verdict::Kind::kContinue) return verdict;
  }
  return Verdict::Continue();
}

void Chain::OnResponse(Context& context, http::ResponseHead& head) const {
  for (size_t i = context.seen_; i > 0; --i) filters_[i - 1]->OnResponse(context, head);
}

}  // namespace hawser::filters
