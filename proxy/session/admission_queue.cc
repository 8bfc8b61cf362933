#include "proxy/session/admission_queue.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::session {
namespace {

cluster::AdmissionRate RateOf(const config::Admission& settings) {
  return cluster::AdmissionRate::Of(settings.rate.per_second, settings.burst);
}

}  // namespace

// Those that wait for one endpoint. While it is empty it may have outlived the endpoint.
class AdmissionQueue::Line final : public event::IoHandler {
 public:
  Line(event::Loop& loop, stats::WorkerStats& stats) : loop_(loop), stats_(stats), timer_(*this) {}

  void Add(Waiter& waiter, cluster::Endpoint& endpoint, const cluster::AdmissionRate& rate);
  void Remove(Waiter& waiter);
  void PickAnew();
  bool IsOf(std::string_view cluster) const {  // and somebody waits
    return endpoint_ != nullptr && endpoint_->cluster() == cluster;
  }

 private:
  void OnReady(event::Ready ready) override;
  void Place(Waiter& waiter);
  void Release(Waiter& waiter, Result result);
  void Arm();

  event::Loop& loop_;
  stats::WorkerStats& stats_;
  event::Timer timer_;
  base::IntrusiveList<Waiter> waiters_;
  cluster::Endpoint* endpoint_ = nullptr;  // not null while somebody waits
  uint32_t state_ = 0;                     // of the endpoint, when the first one came
  cluster::AdmissionRate rate_{};          // as the last one brought it
};

void AdmissionQueue::Line::Add(Waiter& waiter, cluster::Endpoint& endpoint,
                               const cluster::AdmissionRate& rate) {
  HAWSER_DCHECK(waiters_.empty() || endpoint_ == &endpoint);
  const bool first = waiters_.empty();
  Place(waiter);
  waiter.line_ = this;
  rate_ = rate;
  stats_.Add(stats::Metric::kAdmissionWaits);
  stats_.Add(stats::Metric::kAdmissionWaiting);
  if (first) {
    endpoint_ = &endpoint;
    state_ = endpoint.state();
  }
  if (waiters_.front() == &waiter) Arm();
}

// Nearly all come with the latest time, those from another line excepted.
void AdmissionQueue::Line::Place(Waiter& waiter) {
  Waiter* const last = waiters_.back();
  if (last == nullptr || last->until_ <= waiter.until_) return waiters_.PushBack(waiter);
  Waiter* before = nullptr;
  for (Waiter* at = waiters_.front(); at->until_ <= waiter.until_; at = waiters_.Next(*at)) before = at;
  if (before != nullptr) return waiters_.PutBehind(waiter, *before);
  Waiter& front = *waiters_.front();
  waiters_.PutBehind(waiter, front);
  waiters_.PutBehind(front, waiter);
}

void AdmissionQueue::Line::Remove(Waiter& waiter) {
  HAWSER_DCHECK(waiter.line_ == this && endpoint_ != nullptr);
  stats_.Observe(stats::Histogram::kAdmissionWait, loop_.now() - waiter.since_);
  waiter.Unlink();
  waiter.line_ = nullptr;
  endpoint_->admission().Leave();
  stats_.Subtract(stats::Metric::kAdmissionWaiting);
  if (!waiters_.empty()) return;
  timer_.Cancel();
  endpoint_ = nullptr;
}

void AdmissionQueue::Line::Release(Waiter& waiter, Result result) {
  Remove(waiter);
  waiter.result_ = result;
  loop_.Soon(waiter.owner_, {.readable = true, .tag = waiter.tag_});
}

void AdmissionQueue::Line::PickAnew() {
  while (Waiter* const first = waiters_.front()) Release(*first, Result::kPickAnew);
}

void AdmissionQueue::Line::OnReady(event::Ready) {
  HAWSER_DCHECK(endpoint_ != nullptr);
  if (endpoint_->state() != state_) return PickAnew();
  const base::TimePoint now = loop_.now();
  while (!waiters_.empty() && endpoint_->admission().TryTake(now, rate_))
    Release(*waiters_.front(), Result::kAdmitted);
  while (!waiters_.empty() && waiters_.front()->until_ <= now) Release(*waiters_.front(), Result::kTooLate);
  if (!waiters_.empty()) Arm();
}

// A timer may fire a tick late, never early.
void AdmissionQueue::Line::Arm() {
  const base::TimePoint now = loop_.now();
  const base::TimePoint next = std::min(endpoint_->admission().Next(rate_), waiters_.front()->until_);
  const auto left = std::chrono::ceil<base::Duration>(std::max(next, now) - now);
  loop_.Arm(timer_, std::min(left, kLook));
}

AdmissionQueue::Waiter::~Waiter() {
  if (line_ != nullptr) line_->Remove(*this);
  if (result_ != Result::kWaits) loop_.CancelSoon(owner_, tag_);
}

AdmissionQueue::AdmissionQueue(event::Loop& loop, stats::WorkerStats& stats) : loop_(loop), stats_(stats) {}

AdmissionQueue::~AdmissionQueue() = default;

bool AdmissionQueue::TryAdmit(cluster::Endpoint& endpoint, const config::Admission& settings) {
  cluster::AdmissionBucket& bucket = endpoint.admission();
  return bucket.pending() == 0 && bucket.TryTake(loop_.now(), RateOf(settings));
}

std::unique_ptr<AdmissionQueue::Waiter> AdmissionQueue::Enter(cluster::Endpoint& endpoint,
                                                              const config::Admission& settings,
                                                              base::TimePoint until, event::IoHandler& owner,
                                                              uint8_t tag) {
  if (!endpoint.admission().Enter(settings.pending)) return nullptr;
  auto waiter = std::make_unique<Waiter>(loop_, owner, tag, until);
  LineOf(endpoint).Add(*waiter, endpoint, RateOf(settings));
  return waiter;
}

void AdmissionQueue::PickAnew(std::string_view cluster) {
  for (const auto& [endpoint, line] : lines_) {
    if (line->IsOf(cluster)) line->PickAnew();
  }
}

void AdmissionQueue::Forget(const cluster::Endpoint& endpoint) {
  const auto found = lines_.find(&endpoint);
  if (found == lines_.end()) return;
  found->second->PickAnew();
  lines_.erase(found);
}

AdmissionQueue::Line& AdmissionQueue::LineOf(cluster::Endpoint& endpoint) {
  std::unique_ptr<Line>& line = lines_[&endpoint];
  if (line == nullptr) line = std::make_unique<Line>(loop_, stats_);
  return *line;
}

}  // namespace hawser::session
