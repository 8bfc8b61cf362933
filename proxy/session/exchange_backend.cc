#include "proxy/session/exchange.h"

#include <algorithm>
#include <utility>

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
stats::Metric MetricOf(cluster::AffinityResult result) {
  return static_cast<stats::Metric>(static_cast<int>(stats::Metric::kAffinityNone) +
                                    static_cast<int>(result));
}

}  // namespace

// --- The backend ---

void Exchange::Pick() {
  cluster::WorkerCluster& cluster = environment_.clusters[cluster_index_];
  const cluster::Picked picked =
      cluster.Choose(head_, record_->client, tried_, environment_.random(), cluster::WallNow(),
                     socket_io_ ? socket_io_->lookup() : cluster::AffinityLookup{});
  if (tried_.empty()) {
    record_->affinity = picked.affinity;
    environment_.stats.Add(MetricOf(picked.affinity));
  }
  if (picked.endpoint == nullptr) return Refuse(Reject::kNoEndpoint);
  endpoint_ = picked.endpoint;
  record_->endpoint = endpoint_;
  renew_affinity_ = picked.renew_affinity;
  lease_ = cluster::OpenLease(*endpoint_);
  state_ = State::kConnect;
}

void Exchange::Connect() {
  const cluster::Cluster& cluster = environment_.clusters[cluster_index_].cluster;
  if (attempt_ == nullptr) {
    environment_.loop.Arm(timer_, cluster.settings().connect_timeout);
    attempt_ = environment_.pool.Begin(cluster, *endpoint_, {.websocket = websocket(), .fresh = sent_again_},
                                       owner_, kBackendTag);
  }
  if (attempt_->state() == cluster::Attempt::State::kWaiting) return;
  fresh_ = attempt_->opened();
  environment_.stats.Add(fresh_ ? stats::Metric::kBackendConnects : stats::Metric::kBackendReuses);
  connecting_ = attempt_->TakeLease();
  backend_ = attempt_->TakeStream();
  attempt_.reset();
  if (backend_ == nullptr) return OnConnectFailure(Reject::kConnectFailed);
  backend_->Watch(&owner_, kBackendTag);
  head_.body = head_.body && !client_.stream.complete();  // its end may have come meanwhile, without a byte
  if (!backend_->SendRequest(head_, websocket() ? &upgrade_ : nullptr))
    return Refuse(Reject::kMalformedRequest);
  state_ = State::kSendHead;
}

// Before anyone has waited for the connection: on one that is made at once, that saves a turn.
void Exchange::SendHead() {
  const net::IoResult put = backend_->Write({});
  if (put.state == net::IoState::kError) {
    return backend_->unprocessed() ? OnConnectFailure(Reject::kConnectFailed)
                                   : Refuse(Reject::kBackendClosed);
  }
  if (put.state == net::IoState::kBlocked) return backend_->Want({.write = true});
  connecting_.Succeeded();
  if (head_.body) request_body_.emplace();
  awaits_continue_ = head_.body && head_.headers.HasToken("Expect", "100-continue");
  state_ = State::kAwaitHead;
  ArmForHead();
  PumpRequest() ? WatchBackend() : OnUploadBroken();
}

void Exchange::WatchBackend() {
  backend_->Want({.read = !response_body_ || response_body_->wants_read(),
                  .write = request_body_ && request_body_->wants_write()});
}

void Exchange::OnConnectFailure(Reject reject) {
  spdlog::debug("cluster {}: cannot reach {}: {}", endpoint_->cluster(), endpoint_->name(),
                reject == Reject::kConnectTimeout ? "time-out"
                : backend_ != nullptr             ? backend_->error_text()
                                                  : "refused at once");
  connecting_.Failed();
  environment_.stats.Add(reject == Reject::kConnectTimeout ? stats::Metric::kBackendConnectTimeouts
                                                           : stats::Metric::kBackendConnectFailures);
  backend_.reset();
  tried_.push_back(endpoint_);
  const cluster::Cluster& cluster = environment_.clusters[cluster_index_].cluster;
  const size_t most = std::min<size_t>(1 + cluster.settings().connect_retries, cluster.endpoints().size());
  if (tried_.size() >= most) return Refuse(reject);
  environment_.stats.Add(stats::Metric::kBackendConnectRetries);
  state_ = State::kPick;
}

void Exchange::AwaitHead() {
  if (interim_waits_) FlushInterim();
  if (state_ != State::kAwaitHead) return;
  if (!PumpRequest()) return OnUploadBroken();
  while (state_ == State::kAwaitHead) {
    using HeadState = http::ClientStream::HeadState;
    switch (backend_->ReadResponse(response_head_)) {
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

// A kept connection may end just when it is used again: then the request goes out once more, on a fresh one.
void Exchange::OnBackendEnd() {
  if (!MaySendAgain()) return Refuse(Reject::kBackendClosed);
  sent_again_ = true;
  request_body_.reset();
  state_ = State::kConnect;
}

bool Exchange::MaySendAgain() const {
  return !fresh_ && !sent_again_ && backend_->unprocessed() &&
         (!request_body_ || request_body_->bytes() == 0);
}

// Moves what the client uploads; false if the client is at fault for its end. A backend that answers early need not read
// the rest: that is no fault of the response.
bool Exchange::PumpRequest() {
  if (!request_body_ || request_body_->done()) return true;
  const auto progress = request_body_->Pump(environment_, client_.stream, *backend_);
  if (progress == BodyRelay::Progress::kSourceBroken) return false;
  if (state_ == State::kAwaitHead && request_body_->TakeMoved()) {
    awaits_continue_ = false;
    ArmForHead();
  }
  if (progress == BodyRelay::Progress::kSinkBroken) request_body_.reset();
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

// --- The response ---

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
  if (offload_) response_head_.headers.Add("Sec-WebSocket-Extensions", keep_(offload_->Answer()));
  AddAffinityCookie();
  RunResponseFilters();
  if (!client_.stream.OpenTunnel(response_head_, upgrade_)) return Refuse(Reject::kBadBackendUpgrade);
  response_ = Response::kStarted;
  backend_->Want({});  // until the tunnel reads it
  state_ = State::kSwitch;
}

void Exchange::AddAffinityCookie() {
  const cluster::Cluster& cluster = environment_.clusters[cluster_index_].cluster;
  if (cluster.affinity() == nullptr || !renew_affinity_) return;
  if (http::IsForSharedCaches(response_head_.headers)) return;
  const bool tls =
      client_.tls || head_.headers.Find("X-Forwarded-Proto") == "https";  // a trusted proxy's word
  response_head_.headers.Add("Set-Cookie",
                             keep_(cluster.affinity()->SetCookieFor(*endpoint_, cluster::WallNow(), tls)));
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
  environment_.stats.Add(stats::Metric::kUpgradesOk);
  environment_.stats.Add(stats::Metric::kTunnels);
  environment_.stats.Add(stats::Metric::kTunnelsOpen);
  environment_.stats.CountResponse(record_->status);
  environment_.stats.Observe(stats::Histogram::kHandshake, environment_.loop.now() - record_->start);
  timer_.Cancel();
  state_ = State::kDone;
  progress_ = Progress::kTunnel;
}

void Exchange::OpenTunnel(std::unique_ptr<net::ByteStream> client, EdgeLeases leases,
                          std::string_view early) {
  auto early_from_client = std::as_bytes(std::span(early));
  if (offload_) {
    client = Offload(environment_, route().websocket, *offload_, std::move(client),
                     std::exchange(early_from_client, {}));
  }
  std::string early_from_backend;
  auto backend = backend_->TakeTunnel(early_from_backend);
  Tunnel::Start(environment_, {.client = std::move(client),
                               .backend = std::move(backend),
                               .snapshot = snapshot_,
                               .record = std::move(record_),
                               .leases = std::move(leases),
                               .endpoint_lease = std::move(lease_),
                               .leftovers = context_->TakeLeftovers(),
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
  const bool keep = !websocket() && !environment_.draining;
  if (!client_.stream.SendResponse(response_head_, keep)) return false;
  record_->status = static_cast<uint16_t>(response_head_.status);
  response_ = Response::kStarted;
  return true;
}

void Exchange::Relay() {
  if (!PumpRequest()) return OnUploadBroken();
  const auto look = [this](std::span<const std::byte> piece) {
    if (socket_io_) socket_io_->OnBody(piece, *endpoint_, environment_.loop.now());
  };
  switch (response_body_->Pump(
      environment_, *backend_, client_.stream, [this] { return SendResponse(); }, look)) {
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
