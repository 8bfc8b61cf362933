#include "proxy/event/loop.h"

#include <algorithm>
#include <cerrno>
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
      batch_(new epoll_event[kBatch]) {}

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
  if (!soon_.empty() || !later_.empty() || !retired_.empty()) timeout = 0;
  // From here on Forget also removes events from the batch: a handler may close the descriptor of a later
  // event.
  batch_next_ = 0;
  batch_count_ = std::max(epoll_wait(epoll_fd_, batch_.get(), kBatch, timeout), 0);
  now_ = clock_();
  ++turn_;
  spent_ = 0;
  RunSoon();
  Dispatch();
  wheel_.Expire(now_, [this](const IoHandler& handler) { return !Retired(handler); });
  RunPosted();
  busy_ = spent_ > 0;
  RunLater();
  DestroyRetired();
  turning_.store({}, std::memory_order_relaxed);
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
    const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    const Target target = *static_cast<const Target*>(event.data.ptr);
    HAWSER_DCHECK(target.handler() != nullptr);
    if (Retired(*target.handler())) continue;
    target.handler()->OnReady({.readable = failed || (event.events & (EPOLLIN | EPOLLRDHUP)) != 0,
                               .writable = failed || (event.events & EPOLLOUT) != 0,
                               .hung_up = failed,
                               .tag = target.tag()});
  }
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
  for (int i = batch_next_; i < batch_count_; ++i) {
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
  RunCalls(soon_now_);
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
  RunCalls(later_now_);
}

void Loop::RunCalls(Calls& calls) {
  for (size_t i = 0; i < calls.size(); ++i) {
    const Calls::Call call = calls[i];
    if (call.handler != nullptr && !Retired(*call.handler)) call.handler->OnReady(call.ready);
  }
  calls.Clear();
}

Loop::Calls::Call* Loop::Calls::Find(const IoHandler& handler, uint8_t tag) {
  if (indexed()) {
    const auto found = index_.find(KeyOf(handler, tag));
    return found == index_.end() ? nullptr : &calls_[found->second];
  }
  const auto found = std::find_if(calls_.begin(), calls_.end(), [&](const Call& call) {
    return call.handler == &handler && call.ready.tag == tag;
  });
  return found == calls_.end() ? nullptr : &*found;
}

void Loop::Calls::Add(IoHandler& handler, Ready ready) {
  if (Call* const asked = Find(handler, ready.tag)) {
    asked->ready.readable |= ready.readable;
    asked->ready.writable |= ready.writable;
    return;
  }
  calls_.push_back({&handler, ready});
  if (!indexed()) return;
  const size_t first = calls_.size() == kFew + 1 ? 0 : calls_.size() - 1;
  for (size_t i = first; i < calls_.size(); ++i) {
    if (calls_[i].handler != nullptr) index_[KeyOf(*calls_[i].handler, calls_[i].ready.tag)] = i;
  }
}

void Loop::Calls::TakeBack(IoHandler& handler, uint8_t tag) {
  Call* const call = Find(handler, tag);
  if (call == nullptr) return;
  call->handler = nullptr;
  if (indexed()) index_.erase(KeyOf(handler, tag));
}

void Loop::Calls::TakeBackIf(absl::FunctionRef<bool(const IoHandler&)> condition) {
  for (const Call& call : calls_) {
    if (call.handler != nullptr && condition(*call.handler)) TakeBack(*call.handler, call.ready.tag);
  }
}

void Loop::Calls::Clear() {
  calls_.clear();
  index_.clear();
}

bool Loop::FindRetired(const IoHandler& handler) const {
  if (retired_.size() > kFew) return retired_index_.contains(&handler);
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
  if (retired_.size() <= kFew) return;
  if (retired_.size() > kFew + 1) return void(retired_index_.insert(retired));
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
  if (!std::exchange(woken_, false)) return;  // each Post into an empty queue wakes
  std::vector<absl::AnyInvocable<void()>> tasks;
  {
    std::lock_guard lock(post_mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void Loop::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  eventfd_write(wake_fd_, 1);
}

}  // namespace hawser::event
