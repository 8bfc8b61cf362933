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

// In the place of a target: the descriptor that wakes the loop, and an event that was taken back.
constexpr uint64_t kWake = 0;
constexpr uint64_t kForgotten = 1;

uint32_t Mask(Interest interest) {
  return (interest.read ? EPOLLIN | EPOLLRDHUP : 0U) | (interest.write ? EPOLLOUT : 0U);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Loop>> Loop::Create() {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_fd < 0 || wake_fd < 0) return absl::ErrnoToStatus(errno, "cannot make an event loop");
  std::unique_ptr<Loop> loop(new Loop(epoll_fd, wake_fd));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) != 0) {
    return absl::ErrnoToStatus(errno, "cannot watch the wake-up descriptor");
  }
  return loop;
}

Loop::Loop(int epoll_fd, int wake_fd)
    : epoll_fd_(epoll_fd),
      wake_fd_(wake_fd),
      now_(base::SteadyNow()),
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
  int timeout = WaitForTimers();
  if (wait.count() >= 0 && (timeout < 0 || wait.count() < timeout)) timeout = static_cast<int>(wait.count());
  if (!soon_.calls.empty() || !retired_.empty()) timeout = 0;
  // From here on Forget reaches the batch: whatever runs before an event may take it back.
  batch_next_ = 0;
  batch_count_ = std::max(epoll_wait(epoll_fd_, batch_.get(), kBatch, timeout), 0);
  now_ = base::SteadyNow();
  ++turn_;
  RunSoon();
  Dispatch();
  wheel_.Expire(now_, [this](const IoHandler& handler) { return !Retired(handler); });
  RunPosted();
  DestroyRetired();
}

// The clock is read once a turn where the turn's length does not matter: beside a wait that is long it is nothing.
int Loop::WaitForTimers() const {
  constexpr int kLong = 100;
  const int timeout = wheel_.MillisToNext(now_);
  return timeout > 0 && timeout < kLong ? wheel_.MillisToNext(base::SteadyNow()) : timeout;
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
  epoll_event event{.events = Mask(interest), .data = {.ptr = &target}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, fmt::format("cannot watch descriptor {}", fd));
}

void Loop::Modify(int fd, Target& target, Interest interest) {
  epoll_event event{.events = Mask(interest), .data = {.ptr = &target}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);  // fails only for a descriptor that is not registered
}

void Loop::Remove(int fd, const Target& target) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  Forget(target);
}

void Loop::Soon(IoHandler& handler, Ready ready) {
  if (Retired(handler)) return;
  const auto [place, added] = soon_.places.try_emplace(Calls::KeyOf(handler, ready.tag), soon_.calls.size());
  if (added) return soon_.calls.push_back({&handler, ready});
  Ready& asked = soon_.calls[place->second].ready;
  asked.readable |= ready.readable;
  asked.writable |= ready.writable;
}

void Loop::Forget(const Target& target) {
  for (int i = batch_next_; i < batch_count_; ++i) {
    auto& event = batch_[static_cast<size_t>(i)];
    if (event.data.ptr == &target) event.data.u64 = kForgotten;
  }
  if (target.handler() != nullptr) CancelSoon(*target.handler(), target.tag());
}

void Loop::CancelSoon(IoHandler& handler, uint8_t tag) {
  for (Calls* list : {&soon_, &soon_now_}) {
    if (list->places.empty()) continue;
    const auto found = list->places.find(Calls::KeyOf(handler, tag));
    if (found == list->places.end()) continue;
    list->calls[found->second].handler = nullptr;
    list->places.erase(found);
  }
}

void Loop::RunSoon() {
  std::swap(soon_now_, soon_);
  for (size_t i = 0; i < soon_now_.calls.size(); ++i) {
    const Calls::Call call = soon_now_.calls[i];
    if (call.handler != nullptr) call.handler->OnReady(call.ready);
  }
  soon_now_.calls.clear();
  soon_now_.places.clear();
}

// A second retirement of one handler would destroy it twice: it is a fault of its class, and nothing but that.
void Loop::Retire(std::unique_ptr<IoHandler> handler) {
  const bool first = retired_handlers_.insert(handler.get()).second;
  HAWSER_DCHECK(first);
  if (!first) return static_cast<void>(handler.release());
  for (uint8_t tag = 0; tag < 8; ++tag) CancelSoon(*handler, tag);
  retired_.push_back(std::move(handler));
}

void Loop::DestroyRetired() {
  // A destructor may retire more.
  while (!retired_.empty()) {
    auto dying = std::move(retired_);
    retired_.clear();
    for (auto& handler : dying) {
      const IoHandler* const address = handler.get();
      handler.reset();
      retired_handlers_.erase(address);  // only now: what is made next may stand at the same place
    }
  }
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
