// One thread's event loop over epoll, level-triggered. Everything but Post and Stop is for the loop's own
// thread. A turn is:
//
//   wait
//   Soon calls, then events      of handlers that are not in debt; each may do a share of work
//   the others, in turns         until a slice of time is used (event/debts)
//   timers, then posted tasks    each until a slice of time is used; the rest comes in the next turn
//   Later calls
//   destroy what retired
//
// Streams report the work that they do (Spend), and a handler stops where its share of the turn is spent
// (left). Who spends its share is in debt: it stands behind all handlers that have not until it has been
// light for a while. So a stream waits for bounded pieces of other streams' work, however much they have to
// do.
//
// A handler that has retired is never called again, even if one of its timers is armed or one of its events
// is pending or in the batch of this turn.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/event/calls.h"
#include "proxy/event/debts.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/event/turn_counts.h"

struct epoll_event;  // of <sys/epoll.h>

namespace hawser::event {

struct Interest {  // in one byte: streams compare it at every wake-up
  bool read : 1 = false;
  bool write : 1 = false;
  bool hang_up : 1 = false;  // a break of the connection, which the other two report as well
  bool operator==(const Interest&) const = default;
};

// Which handler a registered descriptor's events reach, and under which tag. It must not move while the
// descriptor is registered. It may be assigned to at any time: a descriptor changes hands without a system
// call.
class Target {
 public:
  Target() = default;
  // Handlers are at least 8-aligned: the low three bits of the pointer carry the tag.
  Target(IoHandler& handler, uint8_t tag) : packed_(reinterpret_cast<uintptr_t>(&handler) | tag) {
    HAWSER_DCHECK(tag <= Ready::kMostTag && reinterpret_cast<uintptr_t>(&handler) % 8 == 0);
  }

  IoHandler* handler() const { return reinterpret_cast<IoHandler*>(packed_ & ~uint64_t{7}); }  // null: nobody
  uint8_t tag() const { return static_cast<uint8_t>(packed_ & 7); }
  bool operator==(const Target&) const = default;

 private:
  uint64_t packed_ = 0;
};

class Loop {
 public:
  // Bytes that one read takes at the most; also the size of each scratch area.
  static constexpr size_t kScratchBytes = 256 * 1024;

  // `clock` tells the time of every turn and timer; a clock that does not move by itself
  // (tests/fakes/stepped_clock.h) fires timers only as far as it was stepped.
  static absl::StatusOr<std::unique_ptr<Loop>> Create(base::Clock clock = base::SteadyNow);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs turns until Stop. Returns only then.
  void Run();

  // One turn that waits for at most `wait` (negative: until something happens). For tests.
  void RunOnce(base::Duration wait);

  // Registers `fd`. The target's handler is called for the events in `interest`, and always for errors and
  // hang-ups, as readable. `target` and its handler must outlive the registration.
  absl::Status Add(int fd, Target& target, Interest interest);
  void Modify(int fd, Target& target, Interest interest);

  // Ends the registration: the target gets no event of this turn or a later one, and Soon calls for its
  // handler and tag are cancelled. Closing fd ends the registration too; then call Forget instead.
  void Remove(int fd, const Target& target);
  void Forget(const Target& target);

  // Fires once, `after` from now(). Re-arming moves it.
  void Arm(Timer& timer, base::Duration after) {
    HAWSER_DCHECK(OnThread());
    wheel_.Arm(timer, now_, after);
  }

  // Calls handler.OnReady(ready) in the next turn, without waiting: for bytes that a stream has already taken
  // from the kernel. Two requests under one tag are one call with what both ask for. CancelSoon takes it
  // back. Both are O(1).
  void Soon(IoHandler& handler, Ready ready);
  void CancelSoon(IoHandler& handler, uint8_t tag);

  // Calls handler.OnReady({.tag = tag}) once at the end of this turn, behind all that was ready, due or
  // posted. Asked for between turns or in such a call, it comes at the end of the next turn, which does not
  // wait. Two requests under one tag are one call. O(1), and so is CancelLater, which takes it back.
  void Later(IoHandler& handler, uint8_t tag);
  void CancelLater(IoHandler& handler, uint8_t tag);

  // For a Later call: whether streams had work in this turn, before the first of those calls.
  bool busy() const { return busy_; }

  // Work: a byte that a stream takes in or gives away is 1, and a frame whose handling costs more than its
  // bytes is kFrameWork besides.
  static constexpr size_t kFrameWork = 128;

  // The handler that runs has done `work`.
  void Spend(size_t work) { spent_ += work; }
  // How much work it may still do in this call. It may always take one more piece, since work is known only
  // when it is done; but where nothing is left it returns and goes on in the next turn. Without limit between
  // turns.
  size_t left() const { return limit_ > spent_ ? limit_ - spent_ : 0; }
  // Work done in this turn.
  uint64_t spent() const { return spent_; }

  const TurnCounts& turn_counts() const { return turn_counts_; }  // may be read by any thread
  // How long the turn before this one took, without its wait.
  std::chrono::nanoseconds last_turn() const { return last_turn_; }
  // Calls handler.OnReady({}) at the end of the turn behind each one that took longer than `longest`. Until
  // it is null.
  void WatchTurns(IoHandler* handler, base::Duration longest) {
    watcher_ = handler;
    longest_turn_ = longest;
  }

  // Destroys `handler` at the end of this turn; until then nothing calls it. Once for each handler.
  void Retire(std::unique_ptr<IoHandler> handler);

  // Runs `task` on the loop's thread. May be called from any thread.
  void Post(absl::AnyInvocable<void()> task);

  // Ends Run after the current turn. May be called from any thread.
  void Stop();

  // Fixed within a turn.
  base::TimePoint now() const { return now_; }

  // Reads the clock at this moment: for round trips, where the length of a turn would matter.
  base::TimePoint ReadClock() const { return clock_(); }

  // Counts turns; for budgets that hold for one.
  uint64_t turn() const { return turn_; }

  // Three areas of kScratchBytes each. The handler that runs now may use them; their contents are lost when
  // it returns. They are for bytes just read, for records received, and for records about to be sent.
  std::span<std::byte> scratch() { return {scratch_.get(), kScratchBytes}; }
  std::span<std::byte> wire_in() { return {scratch_.get() + kScratchBytes, kScratchBytes}; }
  std::span<std::byte> wire_out() { return {scratch_.get() + 2 * kScratchBytes, kScratchBytes}; }

 private:
  Loop(int epoll_fd, int wake_fd, base::Clock clock);
  // No other thread is in a turn of this loop.
  bool OnThread() const {
    const std::thread::id turning = turning_.load(std::memory_order_relaxed);
    return turning == std::thread::id() || turning == std::this_thread::get_id();
  }
  int WaitForTimers() const;
  void BeginTurn();
  void Dispatch();
  // A handler that is not in debt.
  void Call(IoHandler& handler, Ready ready) {
    if (Retired(handler)) return;
    BeginShare(share_);
    handler.OnReady(ready);
    if (spent_ >= limit_) Owe(handler);
  }
  void Owe(IoHandler& handler);
  void BeginShare(size_t share) { limit_ = spent_ + share; }
  void RunDebtors(bool all_seen);
  void CallDeferred(IoHandler& handler, const Debts::Deferred& deferred);
  bool Retired(const IoHandler& handler) const { return !retired_.empty() && FindRetired(handler); }
  bool FindRetired(const IoHandler& handler) const;
  void RunSoon();
  void RunTimers();
  void RunPosted();
  void TakePosted();
  void RunLater();
  void DestroyRetired();
  void TimeTurn();

  static constexpr int kBatch = 256;
  // More, so that many that are in debt do not keep others out of the batch.
  static constexpr int kMostBatch = 1024;

  // Of work: what handlers share in a turn, and the least and most that one may do.
  static constexpr size_t kTurnWork = 1024 * 1024;
  static constexpr size_t kLeastShare = 32 * 1024;
  static constexpr size_t kMostShare = 512 * 1024;
  // Of time: for handlers in debt, for timers, and for posted tasks. A part of the turn's cost is for each
  // handler in debt, so more of them get longer.
  static constexpr std::chrono::microseconds kSlice{100};
  static constexpr std::chrono::microseconds kMostSlice{1000};
  static constexpr std::chrono::microseconds kSlicePerDebt{2};

  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

  const int epoll_fd_;
  const int wake_fd_;
  const base::Clock clock_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::thread::id> turning_;  // the thread whose turn this is; none between turns
  bool woken_ = false;                    // in this turn, by another thread
  uint64_t turn_ = 0;
  base::TimePoint now_;
  TimerWheel wheel_;
  std::unique_ptr<std::byte[]> scratch_;
  std::unique_ptr<epoll_event[]> batch_;
  int batch_next_ = 0;  // the events of this turn that are still to be handled: [batch_next_, batch_count_)
  int batch_count_ = 0;
  Calls soon_;
  Calls soon_now_;
  Calls later_;
  Calls later_now_;
  std::vector<absl::AnyInvocable<void()>>
      tasks_;  // taken from posted_; those from next_task_ on are to be run
  size_t next_task_ = 0;
  uint64_t spent_ = 0;  // in this turn
  // The handler that runs should stop when spent_ is this.
  uint64_t limit_ = kNoLimit;
  size_t share_ = kMostShare;  // of a handler, in this turn
  Debts debts_;
  TurnCounts turn_counts_;
  std::chrono::nanoseconds last_turn_{0};
  IoHandler* watcher_ = nullptr;  // of turns longer than longest_turn_
  base::Duration longest_turn_{0};
  bool busy_ = false;
  std::vector<IoHandler*> retired_;  // owned; null once destroyed
  absl::flat_hash_set<const IoHandler*>
      retired_index_;  // of those in retired_, once they are more than Calls::kFew

  // Crosses threads: the only state here that does.
  std::mutex post_mutex_;
  std::vector<absl::AnyInvocable<void()>> posted_;
};

}  // namespace hawser::event
