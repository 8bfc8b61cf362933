#include "proxy/event/debts.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::event {

void Debts::Owe(IoHandler& handler, size_t over, base::TimePoint now) {
  std::unique_ptr<Debt>& debt = debts_[&handler];
  if (debt == nullptr) {
    debt = std::make_unique<Debt>();
    debt->handler = &handler;
    debt->work = 0;
    order_.PushBack(*debt);
  }
  debt->work = std::min(debt->work + over, kMostWork);
  debt->owed = now;
}

bool Debts::Defer(const IoHandler& handler, Kind kind, int index) {
  const auto found = debts_.find(&handler);
  if (found == debts_.end()) return false;
  Debt& debt = *found->second;
  const auto at = static_cast<int>(deferred_.size());
  deferred_.push_back({.kind = kind, .index = index, .next = -1});
  (debt.first < 0 ? debt.first : deferred_[static_cast<size_t>(debt.last)].next) = at;
  debt.last = at;
  return true;
}

void Debts::BeginRounds() {
  HAWSER_DCHECK(waiting_.empty());
  order_.ForEach([this](Debt& debt) {
    if (debt.first >= 0) waiting_.PushBack(debt);
  });
}

Debts::Debt* Debts::Next(size_t share) {
  HAWSER_DCHECK(share > 0);
  while (Debt* const debt = waiting_.front()) {
    if (debt->work < share) return debt;
    debt->work -= share;
    waiting_.PushBack(*debt);
  }
  return nullptr;
}

void Debts::Served(Debt& debt, std::optional<size_t> over, base::TimePoint now) {
  HAWSER_DCHECK(waiting_.front() == &debt);
  debt.first = debt.last = -1;
  debt.work = 0;
  order_.PushBack(debt);
  if (over) Owe(*debt.handler, *over, now);
}

void Debts::EndTurn(base::TimePoint now, bool all_seen,
                    absl::FunctionRef<void(IoHandler&, const Deferred&)> unhandled) {
  order_.ForEach([&](Debt& debt) {
    if (all_seen && now - debt.owed >= kMemory) debts_.erase(debt.handler);
  });
  waiting_.ForEach([&](Debt& debt) {
    for (int at = debt.first; at >= 0; at = deferred(at).next) unhandled(*debt.handler, deferred(at));
    debt.first = debt.last = -1;
  });
  waiting_.Splice(order_);
  order_.Splice(waiting_);
  deferred_.clear();
}

}  // namespace hawser::event
