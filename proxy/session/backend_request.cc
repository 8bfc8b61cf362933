#include "proxy/session/backend_request.h"

#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "fmt/format.h"
#include "proxy/http/cache_control.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

using http::Reject;

// The metrics stand in the order of the results.
constexpr stats::Metric MetricOf(cluster::AffinityResult result) {
  return static_cast<stats::Metric>(static_cast<int>(stats::Metric::kAffinityNone) +
                                    static_cast<int>(result));
}
static_assert(MetricOf(cluster::AffinityResult::kSet) == stats::Metric::kAffinitySet &&
              MetricOf(cluster::AffinityResult::kHit) == stats::Metric::kAffinityHit &&
              MetricOf(cluster::AffinityResult::kForged) == stats::Metric::kAffinityForged &&
              MetricOf(cluster::AffinityResult::kExpired) == stats::Metric::kAffinityExpired &&
              MetricOf(cluster::AffinityResult::kGone) == stats::Metric::kAffinityGone &&
              MetricOf(cluster::AffinityResult::kUnknown) == stats::Metric::kAffinityUnknown &&
              static_cast<int>(cluster::AffinityResult::kUnknown) + 1 ==
                  static_cast<int>(cluster::AffinityResult::kCount));

// Why a stream is broken, or `otherwise` where it does not know.
std::string WhyOf(const net::ByteStream& stream, std::string_view otherwise) {
  const std::string why = stream.error_text();
  const bool says_nothing = why.empty() || (stream.error() == 0 && why == std::generic_category().message(0));
  return says_nothing ? std::string(otherwise) : why;
}

}  // namespace

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
      case State::kConnect: Connect(); break;
      case State::kSendHead: SendHead(); break;
      case State::kSent:
      case State::kFailed: break;
    }
  } while (state_ != before);
  return state_;
}

void BackendRequest::Pick() {
  cluster::Picked picked = cluster_->Choose({.head = request_.head,
                                             .client = request_.record.client,
                                             .tried = tried_,
                                             .random = services_.random(),
                                             .websocket = websocket(),
                                             .now = services_.loop.now(),
                                             .session = request_.session,
                                             .held = request_.record.endpoint.get()});
  if (tried_.empty()) {
    request_.record.affinity = picked.affinity;
    services_.stats.Add(MetricOf(picked.affinity));
  }
  if (picked.endpoint == nullptr || cluster::Contains(tried_, picked.endpoint))
    return Fail(tried_.empty() ? Reject::kNoEndpoint : failure_);
  // Nothing holds a session's endpoint that was not picked.
  if (picked.endpoint != request_.session.endpoint) request_.session.endpoint = nullptr;
  renew_affinity_ = picked.renew_affinity;
  trial_ = std::move(picked.trial);
  connecting_.Release();  // which, as the trial before, belongs to the endpoint before
  request_.record.endpoint = std::move(picked.lease);
  try_ = Try::kFirst;
  state_ = State::kConnect;
}

void BackendRequest::Connect() {
  if (attempt_ == nullptr) {
    HAWSER_DCHECK(stream_ == nullptr);
    services_.loop.Arm(waiter_.timer, cluster_->cluster().settings().connect_timeout);
    BeginAttempt();
    // A client that asks goes before those that ask for nothing.
    if (attempt_->state() == cluster::Attempt::State::kFailed &&
        attempt_->error() == cluster::ConnectError::kNoResources &&
        services_.sessions.Evict(std::nullopt, Sessions::Unread::kLost)) {
      BeginAttempt();
    }
    if (++tries_ > 1) services_.stats.Add(stats::Metric::kBackendConnectRetries);
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

http::ClientStream::HeadState BackendRequest::ReadHead(http::ResponseHead& head) {
  HAWSER_DCHECK(state_ == State::kSent);
  const auto read = stream().ReadResponse(head);
  if (stream_->answered()) trial_.Answered(services_.loop.now());
  return read;
}

void BackendRequest::Return() {
  attempt_.reset();
  if (stream_ != nullptr) backends_.pool().Return(endpoint(), transport_, std::move(stream_));
}

void BackendRequest::GiveUp() {
  attempt_.reset();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(net::CloseReason::kOrderly);
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
      return OnTryFailed(Reject::kNoLocalPort, attempt.error_text(), Blame::kNobody);
    case cluster::ConnectError::kNoResources:  // another endpoint would not help
      services_.stats.Add(stats::Metric::kBackendNoResources);
      failure_text_ = attempt.error_text();
      LogFailure();
      return Fail(Reject::kNoResources);
    case cluster::ConnectError::kShutDown: return Fail(Reject::kShutdown);
    case cluster::ConnectError::kTimedOut:
      return OnTryFailed(Reject::kConnectTimeout, attempt.error_text(), blame);
    case cluster::ConnectError::kNone:
    case cluster::ConnectError::kFailed: break;
  }
  OnTryFailed(Reject::kConnectFailed, attempt.error_text(), blame);
}

void BackendRequest::OnTimeout() {
  HAWSER_DCHECK(state_ == State::kConnect || state_ == State::kSendHead);
  const bool opened = attempt_ == nullptr || attempt_->opened();
  attempt_.reset();
  OnTryFailed(Reject::kConnectTimeout, "not connected in time", opened ? Blame::kEndpoint : Blame::kNobody);
}

void BackendRequest::OnSendFailed() {
  const bool connected = try_ == Try::kOnKept || !stream_->unprocessed();
  OnTryFailed(connected ? Reject::kBackendClosed : Reject::kConnectFailed,
              WhyOf(*stream_, "ended before the request was sent"),
              try_ == Try::kOnKept ? Blame::kNobody : Blame::kEndpoint);
}

void BackendRequest::OnEnded(bool body_begun) {
  HAWSER_DCHECK(state_ == State::kSent);
  // In HTTP/2: the stream was refused, or is above the last one of a GOAWAY.
  const bool refused = stream().unprocessed();
  OnTryFailed(Reject::kBackendClosed,
              refused ? "the stream was refused" : WhyOf(*stream_, "ended without an answer"),
              refused || try_ == Try::kOnKept ? Blame::kNobody : Blame::kEndpoint, body_begun);
}

// A request that is no handshake may be a long poll: its lateness says nothing about the endpoint.
void BackendRequest::OnLate() {
  failure_text_ = "no answer in time";
  if (websocket()) trial_.Failed(failure_text_, services_.loop.now());
  LogFailure();
}

// Tries again if the request may be sent again and `retry.attempts` allows it: at the same endpoint if the
// failure says nothing about it, else at another.
void BackendRequest::OnTryFailed(Reject reject, std::string why, Blame blame, bool body_begun) {
  const bool same = blame == Blame::kNobody && stream_ != nullptr && try_ != Try::kRepeated;
  const bool goes_on = MaySendAgain(body_begun) && TriesLeft();
  failure_text_ = std::move(why);
  if (blame == Blame::kEndpoint) trial_.Failed(failure_text_, services_.loop.now());
  if (!same || !goes_on) LogFailure();
  if (reject == Reject::kConnectTimeout) services_.stats.Add(stats::Metric::kBackendConnectTimeouts);
  if (reject == Reject::kConnectFailed) services_.stats.Add(stats::Metric::kBackendConnectFailures);
  if (reject == Reject::kConnectTimeout || reject == Reject::kConnectFailed) connecting_.Failed();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(net::CloseReason::kAbort);
  if (!goes_on) return Fail(reject);
  failure_ = reject;
  if (same) {
    try_ = Try::kAgain;
    state_ = State::kConnect;
  } else {
    tried_.push_back(request_.record.endpoint.shared());
    state_ = State::kPick;
  }
}

void BackendRequest::Fail(Reject reject) {
  failure_ = reject;
  state_ = State::kFailed;
}

bool BackendRequest::MaySendAgain(bool body_begun) const {
  if (body_begun) return false;
  if (stream_ == nullptr || stream_->unprocessed()) return true;
  return !stream_->answered() && (websocket() || http::IsIdempotent(request_.head.method));
}

void BackendRequest::LogFailure() {
  const auto suppressed = cluster_->failures.Pass(services_.loop.now());
  if (!suppressed) return;
  const auto more =
      *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : std::string();
  spdlog::warn("cluster {}: endpoint {}: {}{}", endpoint().cluster(), endpoint().NameAndHost(), failure_text_,
               more);
}

}  // namespace hawser::session
