#include "proxy/event/loop.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::event {
namespace {

// These stand in the place of a target: the descriptor that wakes the loop, and a cancelled event.
constexpr uint64_t kWake = 0;
constexpr uint64_t kForgotten = 1;

uint32_t Mask(Interest interest) {
  return (interest.read ? EPOLLIN | EPOLLRDHUP : 0U) | (interest.write ? EPOLLOUT : 0U);
}

Ready ReadyOf(uint32_t events, uint8_t tag) {
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  return {.readable = failed || (events & (EPOLLIN | EPOLLRDHUP)) != 0,
          .writable = failed || (events & EPOLLOUT) != 0,
          .hung_up = failed,
          .tag = tag};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Loop>> Loop::Create(base::Clock clock) {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_fd < 0 || wake_fd < 0) return absl::ErrnoToStatus(errno, "cannot make an event loop");
  std::unique_ptr<Loop> loop(new Loop(epoll_fd, wake_fd, std::move(clock)));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) != 0) {
    return absl::ErrnoToStatus(errno, "cannot watch the wake-up descriptor");
  }
  return loop;
}

Loop::Loop(int epoll_fd, int wake_fd, base::Clock clock)
    : epoll_fd_(epoll_fd),
      wake_fd_(wake_fd),
      clock_(std::move(clock)),
      now_(clock_()),
      wheel_(now_),
      scratch_(new std::byte[3 * kScratchBytes]),
      batch_(new epoll_event[kMostBatch]) {}

Loop::~Loop() {
  DestroyRetired();
  close(wake_fd_);
  close(epoll_fd_);
}

void Loop::Run() {
  while (!stopped_.load(std::memory_order_relaxed)) RunOnce(base::Duration(-1));
}

void Loop::RunOnce(base::Duration wait) {
  HAWSER_DCHECK(turning_.load(std::memory_order_relaxed) == std::thread::id());  // no handler runs the loop
  turning_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  int timeout = WaitForTimers();
  if (wait.count() >= 0 && (timeout < 0 || wait.count() < timeout)) timeout = static_cast<int>(wait.count());
  if (!soon_.empty() || !later_.empty() || !retired_.empty() || next_task_ < tasks_.size()) timeout = 0;
  // From here on Forget also removes events from the batch: a handler may close the descriptor of a later
  // event.
  batch_next_ = 0;
  const int most = std::min(kBatch + static_cast<int>(debts_.size()), kMostBatch);
  batch_count_ = std::max(epoll_wait(epoll_fd_, batch_.get(), most, timeout), 0);
  now_ = clock_();
  ++turn_;
  BeginTurn();
  RunSoon();
  Dispatch();
  if (!debts_.empty()) RunDebtors(batch_count_ < most);
  if (!soon_now_.empty()) soon_now_.Clear();
  RunTimers();
  RunPosted();
  busy_ = spent_ > 0;
  RunLater();
  limit_ = kNoLimit;
  DestroyRetired();
  TimeTurn();
  turning_.store({}, std::memory_order_relaxed);
}

void Loop::TimeTurn() {
  last_turn_ = clock_() - now_;
  turn_counts_.Observe(last_turn_);
  if (watcher_ != nullptr && last_turn_ > longest_turn_) Later(*watcher_, 0);
}

void Loop::BeginTurn() {
  spent_ = 0;
  const size_t ready = static_cast<size_t>(batch_count_) + soon_.size();
  share_ = ready <= 2 ? kMostShare : std::clamp(kTurnWork / ready, kLeastShare, kMostShare);
}

// Before a short wait the clock is read again, because the turn has taken some of it.
int Loop::WaitForTimers() const {
  constexpr int kLong = 100;
  const int timeout = wheel_.MillisToNext(now_);
  return timeout > 0 && timeout < kLong ? wheel_.MillisToNext(clock_()) : timeout;
}

void Loop::Dispatch() {
  while (batch_next_ < batch_count_) {
    const epoll_event event = batch_[static_cast<size_t>(batch_next_++)];
    if (event.data.u64 == kForgotten) continue;
    if (event.data.u64 == kWake) {
      // Read before RunPosted looks, never after: what is posted behind that look has its own wake-up.
      eventfd_t ignored;
      woken_ |= eventfd_read(wake_fd_, &ignored) == 0;
      continue;
    }
    const Target target = *static_cast<const Target*>(event.data.ptr);
    HAWSER_DCHECK(target.handler() != nullptr);
    if (!debts_.empty() && debts_.Defer(*target.handler(), Debts::Kind::kEvent, batch_next_ - 1)) continue;
    Call(*target.handler(), ReadyOf(event.events, target.tag()));
  }
}

void Loop::Owe(IoHandler& handler) {
  turn_counts_.budget_hits.Add(1);
  if (!Retired(handler)) debts_.Owe(handler, spent_ - limit_, now_);
}

// Level-triggered events that have no turn need no place to be kept in: the kernel reports them again.
void Loop::RunDebtors(bool all_seen) {
  const base::TimePoint begin = clock_();
  const auto slice = std::clamp(static_cast<int>(debts_.size()) * kSlicePerDebt, kSlice, kMostSlice);
  debts_.BeginRounds();
  while (Debts::Debt* const debt = debts_.Next(share_)) {
    BeginShare(share_ - debt->work);
    for (int at = debt->first; at >= 0; at = debts_.deferred(at).next) {
      CallDeferred(*debt->handler, debts_.deferred(at));
    }
    const bool over = spent_ >= limit_;
    if (over) turn_counts_.budget_hits.Add(1);
    debts_.Served(*debt, over ? std::optional(spent_ - limit_) : std::nullopt, now_);
    if (clock_() - begin >= slice) break;
  }
  debts_.EndTurn(now_, all_seen, [this](IoHandler& handler, const Debts::Deferred& deferred) {
    if (deferred.kind != Debts::Kind::kCall) return;
    const Calls::Call call = soon_now_[static_cast<size_t>(deferred.index)];
    if (call.handler != nullptr) Soon(handler, call.ready);
  });
}

void Loop::CallDeferred(IoHandler& handler, const Debts::Deferred& deferred) {
  if (Retired(handler)) return;
  const auto index = static_cast<size_t>(deferred.index);
  if (deferred.kind == Debts::Kind::kCall) {
    const Calls::Call call = soon_now_[index];
    if (call.handler != nullptr) handler.OnReady(call.ready);
    return;
  }
  const epoll_event event = batch_[index];
  if (event.data.u64 == kForgotten) return;
  const Target target = *static_cast<const Target*>(event.data.ptr);
  if (target.handler() != &handler) return;  // it has changed hands
  handler.OnReady(ReadyOf(event.events, target.tag()));
}

void Loop::RunTimers() {
  std::optional<base::TimePoint> end;
  const auto alive = [this](const IoHandler& handler) {
    BeginShare(share_);
    return !Retired(handler);
  };
  wheel_.Expire(now_, alive, [this, &end] {
    const base::TimePoint now = clock_();
    if (!end) end = now + kSlice;
    return now < *end;
  });
}

absl::Status Loop::Add(int fd, Target& target, Interest interest) {
  HAWSER_DCHECK(OnThread() && target.handler() != nullptr);
  epoll_event event{.events = Mask(interest), .data = {.ptr = &target}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, fmt::format("cannot watch descriptor {}", fd));
}

void Loop::Modify(int fd, Target& target, Interest interest) {
  HAWSER_DCHECK(OnThread() && target.handler() != nullptr);
  epoll_event event{.events = Mask(interest), .data = {.ptr = &target}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);  // fails only for a descriptor that is not registered
}

void Loop::Remove(int fd, const Target& target) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  Forget(target);
}

void Loop::Soon(IoHandler& handler, Ready ready) {
  HAWSER_DCHECK(OnThread() && ready.tag <= Ready::kMostTag && !ready.timer);
  if (!Retired(handler)) soon_.Add(handler, ready);
}

void Loop::Forget(const Target& target) {
  HAWSER_DCHECK(OnThread());
  // Events before batch_next_ may have been deferred.
  for (int i = debts_.empty() ? batch_next_ : 0; i < batch_count_; ++i) {
    auto& event = batch_[static_cast<size_t>(i)];
    if (event.data.ptr == &target) event.data.u64 = kForgotten;
  }
  if (target.handler() != nullptr) CancelSoon(*target.handler(), target.tag());
}

void Loop::CancelSoon(IoHandler& handler, uint8_t tag) {
  HAWSER_DCHECK(OnThread() && tag <= Ready::kMostTag);
  if (!soon_.empty()) soon_.TakeBack(handler, tag);
  if (!soon_now_.empty()) soon_now_.TakeBack(handler, tag);
}

void Loop::RunSoon() {
  if (soon_.empty()) return;
  std::swap(soon_now_, soon_);
  for (size_t i = 0; i < soon_now_.size(); ++i) {
    const Calls::Call call = soon_now_[i];
    if (call.handler == nullptr) continue;
    if (!debts_.empty() && debts_.Defer(*call.handler, Debts::Kind::kCall, static_cast<int>(i))) continue;
    Call(*call.handler, call.ready);
  }
}

void Loop::Later(IoHandler& handler, uint8_t tag) {
  HAWSER_DCHECK(OnThread() && tag <= Ready::kMostTag);
  if (!Retired(handler)) later_.Add(handler, {.tag = tag});
}

void Loop::CancelLater(IoHandler& handler, uint8_t tag) {
  HAWSER_DCHECK(OnThread() && tag <= Ready::kMostTag);
  if (!later_.empty()) later_.TakeBack(handler, tag);
  if (!later_now_.empty()) later_now_.TakeBack(handler, tag);
}

void Loop::RunLater() {
  if (later_.empty()) return;
  std::swap(later_now_, later_);
  for (size_t i = 0; i < later_now_.size(); ++i) {
    const Calls::Call call = later_now_[i];
    if (call.handler == nullptr || Retired(*call.handler)) continue;
    BeginShare(share_);
    call.handler->OnReady(call.ready);
  }
  later_now_.Clear();
}

bool Loop::FindRetired(const IoHandler& handler) const {
  if (retired_.size() > Calls::kFew) return retired_index_.contains(&handler);
  return std::find(retired_.begin(), retired_.end(), &handler) != retired_.end();
}

// A second retirement would destroy the handler twice: a fault of its class, which release builds survive.
void Loop::Retire(std::unique_ptr<IoHandler> handler) {
  HAWSER_DCHECK(OnThread() && handler != nullptr);
  IoHandler* const retired = handler.release();
  const bool first = !Retired(*retired);
  HAWSER_DCHECK(first);
  if (!first) return;
  retired_.push_back(retired);
  if (retired_.size() <= Calls::kFew) return;
  if (retired_.size() > Calls::kFew + 1) return void(retired_index_.insert(retired));
  for (const IoHandler* const one : retired_) {
    if (one != nullptr) retired_index_.insert(one);
  }
}

// First takes back, for all of them at once, the calls that are to come in the next turn. A destructor may
// retire more.
void Loop::DestroyRetired() {
  for (size_t next = 0; next < retired_.size();) {
    const auto retired = [this](const IoHandler& handler) { return Retired(handler); };
    soon_.TakeBackIf(retired);
    later_.TakeBackIf(retired);
    for (const size_t end = retired_.size(); next < end; ++next) {
      IoHandler* const address = retired_[next];
      std::unique_ptr<IoHandler>(address).reset();
      if (!debts_.empty()) debts_.Forget(*address);
      // Only now: nobody may ask for it while it is destroyed, and a new object may get the same address.
      retired_[next] = nullptr;
      retired_index_.erase(address);
    }
  }
  HAWSER_DCHECK(retired_index_.empty());
  retired_.clear();
}

void Loop::Post(absl::AnyInvocable<void()> task) {
  bool first = false;
  {
    std::lock_guard lock(post_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  // The eventfd cannot fill up: this happens once for each time that RunPosted finds something.
  if (first) eventfd_write(wake_fd_, 1);
}

void Loop::RunPosted() {
  if (std::exchange(woken_, false)) TakePosted();  // each Post into an empty queue wakes
  if (tasks_.empty()) return;
  const base::TimePoint end = clock_() + kSlice;
  do {
    BeginShare(share_);
    tasks_[next_task_++]();
  } while (next_task_ < tasks_.size() && clock_() < end);
  if (next_task_ < tasks_.size()) return;
  tasks_.clear();
  next_task_ = 0;
}

void Loop::TakePosted() {
  std::lock_guard lock(post_mutex_);
  if (tasks_.empty()) return tasks_.swap(posted_);
  std::move(posted_.begin(), posted_.end(), std::back_inserter(tasks_));
  posted_.clear();
}

void Loop::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  eventfd_write(wake_fd_, 1);
}

}  // namespace hawser::event
