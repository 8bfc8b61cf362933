// One thread's event loop over epoll, level-triggered. A turn is: wait, call the handlers that are ready,
// fire the timers that are due, run what other threads posted, make the calls that were asked for Later, destroy
// what retired. Everything but Post and Stop is for the loop's own thread.
//
// A handler that has retired is never called again, even if one of its timers is armed or one of its events
// is pending or in the batch of this turn.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"

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

  // Calls handler.OnReady({.tag = tag}) once at the end of this turn, behind all that was ready, due or posted.
  // Asked for between turns or in such a call, it comes at the end of the next turn, which does not wait.
  // Two requests under one tag are one call. O(1), and so is CancelLater, which takes it back.
  void Later(IoHandler& handler, uint8_t tag);
  void CancelLater(IoHandler& handler, uint8_t tag);

  // For a Later call: whether streams had work in this turn, before the first of those calls.
  bool busy() const { return busy_; }

  // The handler that runs has moved `work`: bytes that a stream took or gave away.
  void Spend(size_t work) { spent_ += work; }

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
  // Pending calls, in the order of the requests. Few calls are searched one by one, many by an
  // index.
  class Calls {
   public:
    struct Call {
      IoHandler* handler;  // null once taken back
      Ready ready;
    };

    bool empty() const { return calls_.empty(); }
    size_t size() const { return calls_.size(); }
    const Call& operator[](size_t i) const { return calls_[i]; }
    void Add(IoHandler& handler, Ready ready);  // or its events to the call that exists
    void TakeBack(IoHandler& handler, uint8_t tag);
    void TakeBackIf(absl::FunctionRef<bool(const IoHandler&)> condition);
    void Clear();

   private:
    static uintptr_t KeyOf(const IoHandler& handler, uint8_t tag) {
      return reinterpret_cast<uintptr_t>(&handler) | tag;  // as in Target
    }
    bool indexed() const { return calls_.size() > kFew; }
    Call* Find(const IoHandler& handler, uint8_t tag);

    std::vector<Call> calls_;
    absl::flat_hash_map<uintptr_t, size_t> index_;  // filled while indexed()
  };

  Loop(int epoll_fd, int wake_fd, base::Clock clock);
  // No other thread is in a turn of this loop.
  bool OnThread() const {
    const std::thread::id turning = turning_.load(std::memory_order_relaxed);
    return turning == std::thread::id() || turning == std::this_thread::get_id();
  }
  int WaitForTimers() const;
  void Dispatch();
  bool Retired(const IoHandler& handler) const { return !retired_.empty() && FindRetired(handler); }
  bool FindRetired(const IoHandler& handler) const;
  void RunSoon();
  void RunPosted();
  void RunLater();
  // Calls all that stand in `calls`, and empties it. Those that are taken back meanwhile are left out.
  void RunCalls(Calls& calls);
  void DestroyRetired();

  static constexpr int kBatch = 256;
  static constexpr size_t kFew = 8;  // as many are searched faster than hashed

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
  uint64_t spent_ = 0;  // in this turn
  bool busy_ = false;
  std::vector<IoHandler*> retired_;                      // owned; null once destroyed
  absl::flat_hash_set<const IoHandler*> retired_index_;  // of those in retired_, once they are more than kFew

  // Crosses threads: the only state here that does.
  std::mutex post_mutex_;
  std::vector<absl::AnyInvocable<void()>> posted_;
};

}  // namespace hawser::event
