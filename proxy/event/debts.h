// Handlers that have spent their share of a turn: whose turn is next. They stand behind all handlers that
// have not, and what is ready for them is handled by deficit round robin (Shreedhar, Varghese 1995): who has
// done more than its share waits for as many rounds as that is worth, and who had no turn keeps its place for
// the next one. A debt is forgiven when its handler has not spent its share for kMemory and nothing waits for
// it. Part of Loop.
//
//   debts.Owe(handler, 100, now);                // it did 100 more than its share
//   if (!debts.Defer(handler, what)) Call(...);  // in each turn, for each thing that is ready
//   debts.BeginRounds();
//   while (Debts::Debt* debt = debts.Next(share)) {
//     for (int at = debt->first; at >= 0; at = debts.deferred(at).next) ...
//     debts.Served(*debt, over, now);            // until the time for them is used up
//   }
//   debts.EndTurn(now, all_seen, [](const Deferred&) {...});   // with what was not handled
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/io_handler.h"

namespace hawser::event {

class Debts {
 public:
  static constexpr std::chrono::milliseconds kMemory{10};
  // More is not held against anybody.
  static constexpr size_t kMostWork = 1024 * 1024;

  enum class Kind : uint8_t { kEvent, kCall };
  struct Deferred {
    Kind kind;
    int index;  // in the loop's batch of events, or of calls
    int next;   // of the same handler; -1: the last
  };
  struct Debt : base::ListLink {
    IoHandler* handler;
    size_t work;           // to be paid in rounds, before its next turn
    base::TimePoint owed;  // when it last spent its share
    int first = -1;        // of what waits for it in this turn; -1: nothing
    int last = -1;
  };

  bool empty() const { return debts_.empty(); }
  size_t size() const { return debts_.size(); }
  const Deferred& deferred(int at) const { return deferred_[static_cast<size_t>(at)]; }

  // `handler` has spent its share and done `over` more.
  void Owe(IoHandler& handler, size_t over, base::TimePoint now);
  // It is destroyed.
  void Forget(const IoHandler& handler) { debts_.erase(&handler); }

  // Whether `handler` is in debt: then what is ready for it waits.
  bool Defer(const IoHandler& handler, Kind kind, int index);

  void BeginRounds();
  // The next of those for which something waits. It may do `share` without its `work`. Null: none waits.
  Debt* Next(size_t share);
  // That one had its turn. `over`: as for Owe; none: it has not spent its share.
  void Served(Debt& debt, std::optional<size_t> over, base::TimePoint now);

  // Gives back what was deferred and not handled. `all_seen`: whether everything that is ready was offered to
  // Defer in this turn.
  void EndTurn(base::TimePoint now, bool all_seen,
               absl::FunctionRef<void(IoHandler&, const Deferred&)> unhandled);

 private:
  absl::flat_hash_map<const IoHandler*, std::unique_ptr<Debt>> debts_;
  base::IntrusiveList<Debt> order_;    // all, but those in waiting_
  base::IntrusiveList<Debt> waiting_;  // during the rounds: those for which something waits
  std::vector<Deferred> deferred_;     // in this turn
};

}  // namespace hawser::event
