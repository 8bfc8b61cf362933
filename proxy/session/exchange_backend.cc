#include "proxy/session/exchange.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/http/cache_control.h"
#include "proxy/http/date.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/session/offload.h"
#include "proxy/session/tunnel.h"
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
              MetricOf(cluster::AffinityResult::kUnknown) == stats::Metric::kAffinityUnknown);

// Why a stream is broken, or `otherwise` where it does not know.
std::string WhyOf(const net::ByteStream& stream, std::string_view otherwise) {
  const std::string why = stream.error_text();
  const bool says_nothing = why.empty() || (stream.error() == 0 && why == std::generic_category().message(0));
  return says_nothing ? std::string(otherwise) : why;
}

}  // namespace

// --- The backend ---

void Exchange::Pick() {
  cluster::WorkerCluster& cluster = backends_.cluster(cluster_index_);
  cluster::Picked picked =
      cluster.Choose(head_, record_->client, tried_, services_.random(), cluster::WallNow(),
                     socket_io_ ? socket_io_->lookup() : cluster::AffinityLookup{});
  if (tried_.empty()) {
    record_->affinity = picked.affinity;
    services_.stats.Add(MetricOf(picked.affinity));
  }
  if (picked.endpoint == nullptr || cluster::Contains(tried_, picked.endpoint))
    return Refuse(tried_.empty() ? Reject::kNoEndpoint : failure_);
  endpoint_ = picked.endpoint;
  record_->endpoint = endpoint_;
  renew_affinity_ = picked.renew_affinity;
  trial_ = std::move(picked.trial);
  try_ = Try::kFirst;
  lease_ = cluster::OpenLease(*endpoint_);
  state_ = State::kConnect;
}

void Exchange::Connect() {
  const cluster::Cluster& cluster = backends_.cluster(cluster_index_).cluster;
  if (attempt_ == nullptr) {
    const bool again = try_ == Try::kAgain;
    services_.loop.Arm(timer_, cluster.settings().connect_timeout);
    attempt_ = backends_.pool().Begin(
        cluster, *endpoint_,
        {.websocket = websocket(), .fresh = again, .other_than = again ? connection_ : uint64_t{0}}, owner_,
        kBackendTag);
    if (++tries_ > 1) services_.stats.Add(stats::Metric::kBackendConnectRetries);
  }
  if (attempt_->state() == cluster::Attempt::State::kWaiting) return;
  std::unique_ptr<cluster::Attempt> attempt = std::move(attempt_);
  const bool opened = attempt->opened();
  try_ = try_ == Try::kAgain ? Try::kRepeated : opened ? Try::kOnNew : Try::kOnKept;
  connection_ = attempt->connection();
  connecting_ = attempt->TakeLease();
  backend_ = attempt->TakeStream();
  if (opened) services_.stats.Add(stats::Metric::kBackendConnects);
  if (backend_ == nullptr) return OnAttemptFailed(*attempt);
  if (!opened) services_.stats.Add(stats::Metric::kBackendReuses);
  attempt.reset();  // which takes back what was to be told under this tag
  backend_->Watch(&owner_, kBackendTag);
  head_.body = head_.body && !client_.stream.complete();  // its end may have come meanwhile, without a byte
  if (!backend_->SendRequest(head_, websocket() ? &upgrade_ : nullptr))
    return Refuse(Reject::kMalformedRequest);
  state_ = State::kSendHead;
}

// Before anyone has waited for the connection: on one that is made at once, that saves a turn.
void Exchange::SendHead() {
  const net::IoResult put = backend_->Write({});
  if (put.state == net::IoState::kError) return OnSendFailed();
  if (put.state == net::IoState::kBlocked) return backend_->Want({.write = true});
  connecting_.Succeeded();
  if (head_.body) {
    request_body_.emplace();
    ahead_full_ = false;  // what is held of it goes on first
  }
  awaits_continue_ = head_.body && head_.headers.HasToken("Expect", "100-continue");
  state_ = State::kAwaitHead;
  ArmForHead();
  PumpRequest() ? WatchBackend() : OnUploadBroken();
}

void Exchange::WatchBackend() {
  backend_->Want({.read = !response_body_ || response_body_->wants_read(),
                  .write = request_body_ && request_body_->wants_write()});
}

// --- Tries that fail before any byte of an answer ---

void Exchange::OnAttemptFailed(const cluster::Attempt& attempt) {
  // Those that have waited for another request's connection leave it to that one to blame the endpoint.
  const Blame blame = attempt.opened() ? Blame::kEndpoint : Blame::kNobody;
  switch (attempt.error()) {
    case cluster::ConnectError::kNoLocalPort:
      services_.stats.Add(stats::Metric::kBackendNoLocalPort);
      return OnTryFailed(Reject::kNoLocalPort, attempt.error_text(), Blame::kNobody);
    case cluster::ConnectError::kNoResources:  // no other endpoint would do
      services_.stats.Add(stats::Metric::kBackendNoResources);
      backend_error_ = attempt.error_text();
      LogBackendError();
      return Refuse(Reject::kNoResources);
    case cluster::ConnectError::kShutDown: return Refuse(Reject::kShutdown);
    case cluster::ConnectError::kTimedOut:
      return OnTryFailed(Reject::kConnectTimeout, attempt.error_text(), blame);
    case cluster::ConnectError::kNone:
    case cluster::ConnectError::kFailed: break;
  }
  OnTryFailed(Reject::kConnectFailed, attempt.error_text(), blame);
}

void Exchange::OnConnectTimeout() {
  const bool opened = attempt_ == nullptr || attempt_->opened();
  attempt_.reset();
  OnTryFailed(Reject::kConnectTimeout, "not connected in time", opened ? Blame::kEndpoint : Blame::kNobody);
}

void Exchange::OnSendFailed() {
  const bool connected = try_ == Try::kOnKept || !backend_->unprocessed();
  OnTryFailed(connected ? Reject::kBackendClosed : Reject::kConnectFailed,
              WhyOf(*backend_, "ended before the request was sent"),
              try_ == Try::kOnKept ? Blame::kNobody : Blame::kEndpoint);
}

void Exchange::OnBackendEnd() {
  // HTTP/2 says so of a stream that it has refused, or that came behind a GOAWAY.
  const bool refused = backend_->unprocessed();
  OnTryFailed(Reject::kBackendClosed,
              refused ? "the stream was refused" : WhyOf(*backend_, "ended without an answer"),
              refused || try_ == Try::kOnKept ? Blame::kNobody : Blame::kEndpoint);
}

// Another try follows where the request may be sent again and `connect_retries` allows one: at the same endpoint where
// this one says nothing about it, else at another.
void Exchange::OnTryFailed(Reject reject, std::string why, Blame blame) {
  const bool same = blame == Blame::kNobody && backend_ != nullptr && try_ != Try::kRepeated;
  const bool goes_on = MaySendAgain() && TriesLeft();
  failure_ = reject;
  backend_error_ = std::move(why);
  if (blame == Blame::kEndpoint) trial_.Failed(backend_error_, services_.loop.now());
  if (!same || !goes_on) LogBackendError();
  if (reject == Reject::kConnectTimeout) services_.stats.Add(stats::Metric::kBackendConnectTimeouts);
  if (reject == Reject::kConnectFailed) services_.stats.Add(stats::Metric::kBackendConnectFailures);
  if (reject == Reject::kConnectTimeout || reject == Reject::kConnectFailed) connecting_.Failed();
  if (backend_ != nullptr) std::exchange(backend_, nullptr)->Close(net::CloseReason::kAbort);
  if (!goes_on) return Refuse(reject);
  request_body_.reset();
  if (same) {
    try_ = Try::kAgain;
    state_ = State::kConnect;
  } else {
    tried_.push_back(endpoint_);
    state_ = State::kPick;
  }
}

// Any other request than a handshake may be a long poll, which says nothing about the endpoint.
void Exchange::NoteLateBackend() {
  backend_error_ = "no answer in time";
  if (websocket()) trial_.Failed(backend_error_, services_.loop.now());
  LogBackendError();
}

// RFC 9110 §9.2.2, RFC 9113 §8.7. What was taken from the client's body cannot be sent again.
bool Exchange::MaySendAgain() const {
  if (upload_begun_) return false;
  if (backend_ == nullptr || backend_->unprocessed()) return true;
  return !backend_->answered() && (websocket() || http::IsIdempotent(head_.method));
}

bool Exchange::TriesLeft() const {
  return tries_ <= backends_.cluster(cluster_index_).cluster.settings().connect_retries;
}

void Exchange::LogBackendError() {
  const auto suppressed = backends_.cluster(cluster_index_).failures.Pass(services_.loop.now());
  if (!suppressed) return;
  const auto more =
      *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : std::string();
  spdlog::warn("cluster {}: endpoint {}: {}{}", endpoint_->cluster(), endpoint_->name(), backend_error_,
               more);
}

// --- The response ---

void Exchange::AwaitHead() {
  if (interim_waits_) FlushInterim();
  if (state_ != State::kAwaitHead) return;
  if (!PumpRequest()) return OnUploadBroken();
  while (state_ == State::kAwaitHead) {
    using HeadState = http::ClientStream::HeadState;
    const HeadState read = backend_->ReadResponse(response_head_);
    if (backend_->answered()) trial_.Answered(services_.loop.now());
    switch (read) {
      case HeadState::kBlocked: return WatchBackend();
      case HeadState::kInterim: OnInterim(); break;
      case HeadState::kFinal: StartRelay(); break;
      case HeadState::kTunnel: OnTunnel(); break;
      case HeadState::kMalformed: return Refuse(Reject::kBadBackendResponse);
      case HeadState::kBadUpgrade: return Refuse(Reject::kBadBackendUpgrade);
      case HeadState::kEnded: return OnBackendEnd();
    }
  }
}

// Moves what the client uploads; false if the client is at fault for its end. A backend that answers early need not read
// the rest: that is no fault of the response.
bool Exchange::PumpRequest() {
  if (!request_body_ || request_body_->done()) return true;
  const auto progress = request_body_->Pump(services_, client_.stream, *backend_);
  upload_begun_ = request_body_->bytes() > 0;
  if (progress == BodyRelay::Progress::kSourceBroken) return false;
  if (progress == BodyRelay::Progress::kSinkBroken) request_body_->Abandon();
  const bool moved = request_body_->TakeMoved();
  if (state_ == State::kAwaitHead && (moved || request_body_->done())) {
    awaits_continue_ = false;
    ArmForHead();
  }
  WatchClient();
  return true;
}

// A request that is under way may take its time, as long as it moves; once it is whole, or while its client waits for the
// backend's 100, the backend's time runs.
void Exchange::ArmForHead() {
  if (websocket()) return ArmFor(route().handshake_timeout);
  ArmFor(uploading() && !awaits_continue_ ? route().stream_idle_timeout : route().response_timeout);
}

void Exchange::OnUploadBroken() {
  client_.stream.malformed() ? Refuse(Reject::kMalformedRequest) : ClientLeft();
}

// Of no use to a WebSocket; any other request's goes on to the client, unless that has not taken the one before: they
// are not stored.
void Exchange::OnInterim() {
  if (websocket()) return;
  awaits_continue_ = false;
  ArmForHead();
  if (interim_waits_) return;
  if (!client_.stream.SendInterim(response_head_)) return Refuse(Reject::kBadBackendResponse);
  FlushInterim();
}

void Exchange::FlushInterim() {
  const net::IoState state = client_.stream.Write({}).state;
  if (state == net::IoState::kError) return ClientLeft();
  const bool waits = state == net::IoState::kBlocked;
  if (std::exchange(interim_waits_, waits) != waits) WatchClient();
}

void Exchange::OnTunnel() {
  // Only what the backend agreed to counts.
  deflate_ = http::HasExtension(response_head_, "permessage-deflate");
  route::ApplyRules(route().response_headers, response_head_.headers);
  if (offload_) response_head_.headers.Add("Sec-WebSocket-Extensions", arena_(offload_->Answer()));
  AddAffinityCookie();
  RunResponseFilters();
  if (!client_.stream.OpenTunnel(response_head_, upgrade_)) return Refuse(Reject::kBadBackendUpgrade);
  response_ = Response::kStarted;
  backend_->Want({});  // until the tunnel reads it
  state_ = State::kSwitch;
}

void Exchange::AddAffinityCookie() {
  const cluster::Cluster& cluster = backends_.cluster(cluster_index_).cluster;
  if (cluster.affinity() == nullptr || !renew_affinity_) return;
  if (http::IsForSharedCaches(response_head_.headers)) return;
  const bool tls =
      client_.tls || head_.headers.Find("X-Forwarded-Proto") == "https";  // a trusted proxy's word
  response_head_.headers.Add("Set-Cookie",
                             arena_(cluster.affinity()->SetCookieFor(*endpoint_, cluster::WallNow(), tls)));
}

void Exchange::RunResponseFilters() {
  snapshot_->filters[record_->route->index].OnResponse(*context_, response_head_);
}

void Exchange::SwitchProtocols() {
  const net::IoResult put = client_.stream.Write({});
  if (put.state == net::IoState::kError) return ClientLeft();
  if (put.state == net::IoState::kBlocked) return WatchClient();
  record_->status = head_.version == http::Version::kHttp2 ? 200 : 101;
  record_->tunnel = true;
  endpoint_->CountTunnelOpened();
  services_.stats.Add(stats::Metric::kUpgradesOk);
  services_.stats.Add(stats::Metric::kTunnels);
  services_.stats.Add(stats::Metric::kTunnelsOpen);
  services_.stats.CountResponse(record_->status);
  services_.stats.Observe(stats::Histogram::kHandshake, services_.loop.now() - record_->start);
  timer_.Cancel();
  state_ = State::kDone;
  progress_ = Progress::kTunnel;
}

void Exchange::OpenTunnel(std::unique_ptr<net::ByteStream> client, EdgeLeases leases,
                          std::string_view early) {
  auto early_from_client = std::as_bytes(std::span(early));
  if (offload_) {
    client = Offload(services_, route().websocket, *offload_, std::move(client),
                     std::exchange(early_from_client, {}));
  }
  std::string early_from_backend;
  auto backend = backend_->TakeTunnel(early_from_backend);
  Tunnel::Start(services_, {.client = std::move(client),
                            .backend = std::move(backend),
                            .snapshot = snapshot_,
                            .record = std::move(record_),
                            .leases = std::move(leases),
                            .endpoint_lease = std::move(lease_),
                            .attachments = context_->TakeAttachments(),
                            .deflate = deflate_,
                            .early_from_client = early_from_client,
                            .early_from_backend = std::as_bytes(std::span(early_from_backend))});
}

// The head is held until the body has been looked at: what breaks in the same read is answered 502.
void Exchange::StartRelay() {
  if (socket_io_) socket_io_->OnResponse(response_head_);
  http::AddDate(response_head_.headers);
  route::ApplyRules(route().response_headers, response_head_.headers);
  AddAffinityCookie();
  RunResponseFilters();
  response_ = Response::kHeld;
  response_body_.emplace();
  interim_waits_ = false;  // the relay writes on
  state_ = State::kRelay;
  ArmFor(route().stream_idle_timeout);
}

bool Exchange::SendResponse() {
  HAWSER_DCHECK(response_ == Response::kHeld);
  // A refused upgrade ends the connection: what lies behind it was never a request.
  const bool keep = !websocket() && !services_.sessions.draining();
  if (!client_.stream.SendResponse(response_head_, keep)) return false;
  record_->status = static_cast<uint16_t>(response_head_.status);
  response_ = Response::kStarted;
  return true;
}

void Exchange::Relay() {
  if (!PumpRequest()) return OnUploadBroken();
  const auto look = [this](std::span<const std::byte> piece) {
    if (socket_io_) socket_io_->OnBody(piece, *endpoint_, services_.loop.now());
  };
  switch (response_body_->Pump(
      services_, *backend_, client_.stream, [this] { return SendResponse(); }, look)) {
    case BodyRelay::Progress::kSinkBroken:
      if (response_ == Response::kStarted) return ClientLeft();
      return Refuse(websocket() ? Reject::kBadBackendUpgrade : Reject::kBadBackendResponse);
    case BodyRelay::Progress::kSourceBroken:
      // A response that has started is cut, so that the client can tell a part from the whole.
      return Refuse(backend_->malformed() ? Reject::kBadBackendResponse : Reject::kBackendClosed);
    case BodyRelay::Progress::kDone:
      return Finish(client_.stream.reusable() ? Progress::kReusable : Progress::kFinished, {});
    case BodyRelay::Progress::kMore: break;
  }
  const bool uploaded = request_body_ && request_body_->TakeMoved();
  if (response_body_->TakeMoved() || uploaded) ArmFor(route().stream_idle_timeout);
  WatchBackend();
  WatchClient();
}

}  // namespace hawser::session
