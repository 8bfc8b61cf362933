#include "proxy/session/backend_request.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "proxy/cluster/sent_request.h"
#include "proxy/http/cache_control.h"
#include "proxy/session/handshake_fault.h"
#include "proxy/session/pick_outcome.h"

namespace hawser::session {

using cluster::Work;
using config::RetryOn;
using http::Reject;

BackendRequest::BackendRequest(WorkerServices& services, Backends& backends,
                               std::shared_ptr<cluster::WorkerCluster> cluster, const Request& request,
                               const Waiter& waiter)
    : services_(services),
      backends_(backends),
      cluster_(std::move(cluster)),
      request_(request),
      waiter_(waiter) {}

BackendRequest::State BackendRequest::Advance() {
  State before;
  do {
    before = state_;
    switch (state_) {
      case State::kPick: Pick(); break;
      case State::kQueued: Queue(); break;
      case State::kConnect: Connect(); break;
      case State::kSendHead: SendHead(); break;
      case State::kSent:
      case State::kFailed: break;
    }
  } while (state_ != before);
  // Most connections are made at once.
  if ((state_ == State::kConnect || state_ == State::kSendHead) && !std::exchange(timed_, true))
    services_.loop.Arm(waiter_.timer, TimeForHead(cluster_settings().connect_timeout));
  return state_;
}

cluster::Picked BackendRequest::Ask() {
  return cluster_->Choose(
      {.head = request_.head,
       .client = request_.record.client,
       .tried = tried_,
       .random = services_.random(),
       .websocket = websocket(),
       .wall = cluster_->cluster().affinity() == nullptr ? cluster::WallTime() : cluster::WallNow(),
       .now = services_.loop.now(),
       .session = request_.session,
       .held = request_.record.endpoint.get()});
}

// With the handshake's token, or with `queue`. Where another worker took the token first, another endpoint
// may have one.
cluster::Picked BackendRequest::Choose() {
  cluster::Picked picked = Ask();
  if (picked.endpoint == nullptr || picked.queue || TakeToken(*picked.endpoint)) return picked;
  picked = {};
  picked = Ask();
  if (picked.endpoint != nullptr && !picked.queue) picked.queue = !TakeToken(*picked.endpoint);
  return picked;
}

void BackendRequest::Pick() {
  cluster::Picked picked = Choose();
  if (request_.record.endpoint == nullptr) {
    request_.record.affinity = picked.affinity;
    services_.stats.Add(MetricOf(picked.affinity));
  }
  if (picked.endpoint != nullptr && !cluster::Contains(tried_, picked.endpoint)) return Take(picked);
  const Reject reject = RejectOf(picked.why);
  if (reject != Reject::kNoEndpoint) request_.record.parts |= http::kBreakerPart;
  Fail(tried_.empty() ? reject : failure_);
}

void BackendRequest::Take(cluster::Picked& picked) {
  // Nothing holds a session's endpoint that was not picked.
  if (picked.endpoint != request_.session.endpoint) request_.session.endpoint = nullptr;
  renew_affinity_ = picked.renew_affinity;
  trial_ = std::move(picked.trial);
  connecting_.Release();  // which, as the trial before, belongs to the endpoint before
  request_.record.endpoint = std::move(picked.lease);
  request_.record.parts |= PartsOf(endpoint().state());
  try_ = Try::kFirst;
  if (picked.queue) return Wait();
  state_ = State::kConnect;
}

// Each handshake that is sent takes a token of its endpoint, where the cluster has `admission`.
bool BackendRequest::TakeToken(cluster::Endpoint& endpoint) {
  const auto& admission = cluster_settings().admission;
  return !websocket() || !admission || backends_.admission().TryAdmit(endpoint, *admission);
}

void BackendRequest::Wait() {
  HAWSER_DCHECK(websocket() && cluster_settings().admission);
  const config::Admission& admission = *cluster_settings().admission;
  waiter_.timer.Cancel();
  request_.record.parts |= http::kQueuePart;
  if (!queue_until_) queue_until_ = services_.loop.now() + admission.wait;
  queued_ = backends_.admission().Enter(endpoint(), admission, *queue_until_, waiter_.owner, waiter_.tag);
  if (queued_ == nullptr) return Fail(Reject::kAdmissionFull);
  state_ = State::kQueued;
}

void BackendRequest::Queue() {
  const AdmissionQueue::Result result = queued_->result();
  if (result == AdmissionQueue::Result::kWaits) return;
  LeaveQueue();
  if (result == AdmissionQueue::Result::kTooLate) return Fail(Reject::kAdmissionTimeout);
  state_ = result == AdmissionQueue::Result::kAdmitted ? State::kConnect : State::kPick;
}

void BackendRequest::LeaveQueue() {
  if (queued_ == nullptr) return;
  request_.record.AddToQueue(services_.loop.now() - queued_->since());
  queued_ = nullptr;
}

void BackendRequest::Connect() {
  if (attempt_ == nullptr) {
    HAWSER_DCHECK(stream_ == nullptr);
    StartTryTime();
    timed_ = false;
    BeginAttempt();
    // A client that asks goes before those that ask for nothing.
    if (attempt_->state() == cluster::Attempt::State::kFailed &&
        attempt_->error() == cluster::ConnectError::kNoResources &&
        services_.sessions.Evict(std::nullopt, Sessions::Unread::kLost)) {
      BeginAttempt();
    }
    request_.record.attempts = retries_.Begin();
    if (request_.record.attempts > 1) {
      request_.record.parts |= http::kRetryPart;
      services_.stats.Add(stats::Metric::kBackendConnectRetries);
    }
  }
  if (attempt_->state() == cluster::Attempt::State::kWaiting) return;
  std::unique_ptr<cluster::Attempt> attempt = std::move(attempt_);
  const bool opened = attempt->opened();
  try_ = try_ == Try::kAgain ? Try::kRepeated : opened ? Try::kOnNew : Try::kOnKept;
  connection_ = attempt->connection();
  transport_ = attempt->transport();
  connecting_ = attempt->TakeLease();
  stream_ = attempt->TakeStream();
  if (opened) services_.stats.Add(stats::Metric::kBackendConnects);
  if (stream_ == nullptr) return OnAttemptFailed(*attempt);
  if (!opened) services_.stats.Add(stats::Metric::kBackendReuses);
  attempt.reset();  // which cancels pending calls under this tag
  stream_->Watch(&waiter_.owner, waiter_.tag);
  if (!stream_->SendRequest(request_.head, request_.upgrade)) return Fail(Reject::kMalformedRequest);
  state_ = State::kSendHead;
}

void BackendRequest::BeginAttempt() {
  attempt_.reset();
  attempt_ =
      backends_.pool().Begin(cluster_->membership().cluster(), endpoint(),
                             {.websocket = websocket(),
                              .failed_on = try_ == Try::kAgain ? std::optional(connection_) : std::nullopt},
                             waiter_.owner, waiter_.tag);
}

// Writes the head before the connection is established: if it is established at once, that saves a turn.
void BackendRequest::SendHead() {
  const net::IoResult put = stream_->Write({});
  if (put.state == net::IoState::kError) return OnSendFailed();
  if (put.state == net::IoState::kBlocked) return stream_->Want({.write = true});
  connecting_.Succeeded();
  state_ = State::kSent;
}

void BackendRequest::StartTryTime() {
  const base::Duration time = retry().per_try_timeout;
  if (time.count() > 0) try_until_ = services_.loop.now() + time;
}

base::Duration BackendRequest::TimeForHead(base::Duration limit) const {
  if (try_until_ == base::TimePoint::max()) return limit;
  const auto left = std::chrono::ceil<base::Duration>(try_until_ - services_.loop.now());
  const base::Duration of_try = std::max(left, base::Duration(1));
  return limit.count() == 0 ? of_try : std::min(limit, of_try);
}

http::ClientStream::HeadState BackendRequest::ReadHead(http::ResponseHead& head) {
  HAWSER_DCHECK(state_ == State::kSent);
  const auto read = stream().ReadResponse(head);
  using HeadState = http::ClientStream::HeadState;
  const std::string fault = websocket() ? FaultOfHandshake(read, head.status) : std::string();
  if (!fault.empty()) {
    FailTrial(fault, Work::kHandshake);
  } else if (websocket() ? read == HeadState::kFinal || read == HeadState::kTunnel : stream_->answered()) {
    trial_.Answered(services_.loop.now(), websocket() ? Work::kHandshake : Work::kRequest);
  }
  if (read == HeadState::kFinal || read == HeadState::kTunnel) retries_.Leave();
  return read;
}

bool BackendRequest::Replaces(const http::ResponseHead& answer, bool body_begun) {
  const std::optional<RetryOn> cause = Retries::CauseOf(answer.status);
  if (!cause || body_begun || !Repeatable()) return false;
  switch (retries_.Ask(retry(), *cause)) {
    case Retries::Answer::kNo: return false;
    case Retries::Answer::kSpent: request_.record.parts |= http::kRetryLimitPart; return false;
    case Retries::Answer::kYes: break;
  }
  if (!EnterRetry()) return false;
  tried_.push_back(request_.record.endpoint.shared());
  cluster::Picked picked = Choose();
  // What the client can have now is better than a place in a queue.
  if (picked.endpoint == nullptr || picked.queue || cluster::Contains(tried_, picked.endpoint)) {
    tried_.pop_back();
    retries_.Leave();
    return false;
  }
  failure_ = Reject::kNoEndpoint;
  failure_text_ = fmt::format("answered {}", answer.status);
  LogFailure();
  Return();
  Take(picked);
  return true;
}

void BackendRequest::Return() {
  LeaveQueue();
  attempt_.reset();
  if (stream_ != nullptr) backends_.pool().Return(endpoint(), transport_, std::move(stream_));
}

void BackendRequest::GiveUp() {
  LeaveQueue();
  attempt_.reset();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(net::CloseReason::kOrderly);
  connecting_.Release();
  trial_.GiveUp();
  retries_.Leave();
  request_.record.endpoint.EndWork();
}

void BackendRequest::AddAffinityCookie(http::HeaderList& response, http::TextArena& arena) const {
  if (!renew_affinity_ || cluster_->cluster().affinity() == nullptr || http::IsForSharedCaches(response))
    return;
  const bool tls = request_.record.tls ||
                   request_.head.headers.Find("X-Forwarded-Proto") == "https";  // set by a trusted proxy
  response.Add("Set-Cookie", arena(cluster_->CookieFor(endpoint(), cluster::WallNow(), tls)));
}

// --- Tries that fail before any byte of an answer ---

void BackendRequest::OnAttemptFailed(const cluster::Attempt& attempt) {
  // If this request waited for a connection that another one opened, the other one reports the failure to
  // outlier detection.
  const Blame blame = attempt.opened() ? Blame::kEndpoint : Blame::kNobody;
  switch (attempt.error()) {
    case cluster::ConnectError::kNoLocalPort:
      services_.stats.Add(stats::Metric::kBackendNoLocalPort);
      return OnTryFailed(Reject::kNoLocalPort, RetryOn::kConnectFailure, attempt.error_text(),
                         Blame::kNobody);
    case cluster::ConnectError::kFull: return OnConnectingFull(attempt);
    case cluster::ConnectError::kNoResources:  // another endpoint would not help
      services_.stats.Add(stats::Metric::kBackendNoResources);
      failure_text_ = attempt.error_text();
      LogFailure();
      return Fail(Reject::kNoResources);
    case cluster::ConnectError::kShutDown: return Fail(Reject::kShutdown);
    case cluster::ConnectError::kTimedOut:
      return OnTryFailed(Reject::kConnectTimeout, RetryOn::kConnectFailure, attempt.error_text(), blame);
    case cluster::ConnectError::kNone:
    case cluster::ConnectError::kFailed: break;
  }
  OnTryFailed(Reject::kConnectFailed, RetryOn::kConnectFailure, attempt.error_text(), blame);
}

// No try has begun: the endpoint has no room for a connection, which the pick could not see.
void BackendRequest::OnConnectingFull(const cluster::Attempt& attempt) {
  request_.record.parts |= http::kBreakerPart;
  request_.record.attempts = retries_.TakeBack();
  failure_ = Reject::kConnectingFull;
  failure_text_ = attempt.error_text();
  tried_.push_back(request_.record.endpoint.shared());
  state_ = State::kPick;
}

void BackendRequest::OnTimeout() {
  HAWSER_DCHECK(state_ == State::kConnect || state_ == State::kSendHead);
  const bool opened = attempt_ == nullptr || attempt_->opened();
  attempt_.reset();
  OnTryFailed(Reject::kConnectTimeout, RetryOn::kConnectFailure, "not connected in time",
              opened ? Blame::kEndpoint : Blame::kNobody);
}

void BackendRequest::OnSendFailed() {
  const bool connected = try_ == Try::kOnKept || !stream_->unprocessed();
  OnTryFailed(connected ? Reject::kBackendClosed : Reject::kConnectFailed,
              connected ? RetryOn::kReset : RetryOn::kConnectFailure,
              cluster::WhyOf(*stream_, "ended before the request was sent"),
              try_ == Try::kOnKept ? Blame::kNobody : Blame::kEndpoint);
}

void BackendRequest::OnEnded(bool body_begun) {
  HAWSER_DCHECK(state_ == State::kSent);
  // In HTTP/2: the stream was refused, or is above the last one of a GOAWAY.
  const bool refused = stream().unprocessed();
  OnTryFailed(Reject::kBackendClosed, RetryOn::kReset,
              refused ? "the stream was refused" : cluster::WhyOf(*stream_, "ended without an answer"),
              refused || try_ == Try::kOnKept ? Blame::kNobody : Blame::kEndpoint, body_begun);
}

// A request that is no handshake may be a long poll: its lateness says nothing about the endpoint.
void BackendRequest::OnLate() {
  failure_text_ = "no answer in time";
  if (websocket()) FailTrial(failure_text_, Work::kHandshake);
  LogFailure();
}

// Who sets per_try_timeout says how long an answer may take: lateness is the endpoint's fault.
void BackendRequest::OnTryLate(bool body_begun) {
  HAWSER_DCHECK(state_ == State::kSent);
  OnTryFailed(Reject::kBackendTimeout, RetryOn::kReset, "no answer within per_try_timeout", Blame::kEndpoint,
              body_begun);
}

// Tries again if the request may be sent again and `retry` allows it: at the same endpoint if the failure
// says nothing about it, else at another.
void BackendRequest::OnTryFailed(Reject reject, RetryOn cause, std::string why, Blame blame,
                                 bool body_begun) {
  const bool same = blame == Blame::kNobody && stream_ != nullptr && try_ != Try::kRepeated;
  failure_text_ = std::move(why);
  const bool unanswered = websocket() && cause == RetryOn::kReset;
  if (blame == Blame::kEndpoint) FailTrial(failure_text_, unanswered ? Work::kHandshake : Work::kRequest);
  const bool goes_on = MaySendAgain(body_begun) && TryFollows(cause, same);
  if (!same || !goes_on) LogFailure();
  if (reject == Reject::kConnectTimeout) services_.stats.Add(stats::Metric::kBackendConnectTimeouts);
  if (reject == Reject::kConnectFailed) services_.stats.Add(stats::Metric::kBackendConnectFailures);
  if (reject == Reject::kConnectTimeout || reject == Reject::kConnectFailed) connecting_.Failed();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(net::CloseReason::kAbort);
  if (!goes_on) return Fail(reject);
  failure_ = reject;
  if (same) {
    try_ = Try::kAgain;
    if (!TakeToken(endpoint())) return Wait();
    state_ = State::kConnect;
  } else {
    tried_.push_back(request_.record.endpoint.shared());
    state_ = State::kPick;
  }
}

// A try at the same endpoint, on a new connection, is no load that the endpoint has not had, and what ended
// was a kept connection, or a stream that it did not take: whatever `retry_on` names, it needs no place in
// the budget. Many kept connections may end at once.
bool BackendRequest::TryFollows(RetryOn cause, bool same) {
  switch (retries_.Ask(retry(), same ? std::nullopt : std::optional(cause))) {
    case Retries::Answer::kNo: return false;
    case Retries::Answer::kSpent: request_.record.parts |= http::kRetryLimitPart; return false;
    case Retries::Answer::kYes: return same || EnterRetry();
  }
  return false;
}

bool BackendRequest::EnterRetry() {
  if (retries_.Enter(retry(), endpoint().load())) return true;
  services_.stats.Add(stats::Metric::kBackendRetriesOverBudget);
  request_.record.parts |= http::kRetryLimitPart;
  return false;
}

void BackendRequest::FailTrial(std::string_view why, Work work) {
  trial_.Failed(why, services_.loop.now(), work);
  request_.record.parts |= PartsOf(endpoint().state());
}

void BackendRequest::Fail(Reject reject) {
  failure_ = reject;
  state_ = State::kFailed;
}

bool BackendRequest::MaySendAgain(bool body_begun) const {
  if (body_begun) return false;
  if (stream_ == nullptr || stream_->unprocessed()) return true;
  return !stream_->answered() && Repeatable();
}

void BackendRequest::LogFailure() {
  cluster_->LogFailure(endpoint(), failure_text_, services_.loop.now());
}

}  // namespace hawser::session
