#include "proxy/session/exchange.h"

#include <algorithm>
#include <utility>

#include "proxy/cluster/connector.h"
#include "proxy/http/forwarded.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http1/head_parser.h"
#include "proxy/http1/serializer.h"

namespace hawser::session {
namespace {

using http::Reject;

constexpr http1::HeadLimits kResponseLimits{.head_bytes = 64 * 1024, .headers = 256};

// The metrics stand in the order of the results.
stats::Metric MetricOf(cluster::AffinityResult result) {
  return static_cast<stats::Metric>(static_cast<int>(stats::Metric::kAffinityNone) + static_cast<int>(result));
}

bool WantsKeepAlive(const http::RequestHead& head) {
  return head.version == http::Version::kHttp11 && !head.headers.HasToken("Connection", "close");
}

}  // namespace

Exchange::Exchange(Environment& environment, std::shared_ptr<const Snapshot> snapshot, event::IoHandler& owner,
                   Client client, std::string head_bytes, http::RequestHead head, std::string behind)
    : environment_(environment),
      snapshot_(std::move(snapshot)),
      owner_(owner),
      client_(client),
      head_bytes_(std::move(head_bytes)),
      head_(std::move(head)),
      behind_(std::move(behind)),
      keep_alive_(WantsKeepAlive(head_)),
      timer_(owner, kTimerTag) {}

Exchange::~Exchange() {
  if (state_ != State::kDone && record_ != nullptr) Finish(Progress::kBroken, ClosedBy::kProxy, Reject::kShutdown);
}

Exchange::Progress Exchange::Advance(event::Ready ready) {
  if (ready.timer) {
    OnTimer();
  } else if (ready.readable && ready.tag == kClientTag && state_ != State::kRelay) {
    ReadClient();
  }
  State before;
  do {
    before = state_;
    switch (state_) {
      case State::kStart: Start(); break;
      case State::kFilters: RunFilters(); break;
      case State::kPick: Pick(); break;
      case State::kSendHead: SendHead(); break;
      case State::kAwaitHead: AwaitHead(); break;
      case State::kSwitch: SwitchProtocols(); break;
      case State::kRelay: Relay(); break;
      case State::kDone: break;
    }
  } while (state_ != before);
  return progress_;
}

// --- The request ---

void Exchange::Start() {
  http::Classification classification = http::Classify(head_);
  request_framing_ = http1::RequestFraming(head_).framing;  // the parser has refused what cannot be framed
  PrepareRecord();
  environment_.stats.Add(stats::Metric::kRequests);
  if (environment_.draining) return Refuse(Reject::kDraining);
  if (classification.reject != Reject::kNone) return Refuse(classification.reject);
  upgrade_ = std::move(classification.upgrade);
  record_->route = snapshot_->routes->Match(client_.listener.index, head_, websocket());
  if (record_->route == nullptr) return Refuse(Reject::kNoRoute);
  environment_.loop.Arm(timer_, record_->route->settings.handshake_timeout);

  client_address_ = net::SocketAddress(record_->client, record_->client_port);
  arrival_.emplace(filters::Connection{.client = client_address_,
                                       .listener = record_->listener,
                                       .tls = client_.tls,
                                       .route = *record_->route});
  context_.emplace(*arrival_, head_, keep_, environment_.loop, owner_, kFilterTag);
  client_.stream.Want({.read = true});
  state_ = State::kFilters;
}

void Exchange::RunFilters() {
  const filters::Verdict verdict = snapshot_->filters[record_->route->index].OnRequest(*context_);
  if (verdict.kind() == filters::Verdict::Kind::kWait) return;
  if (verdict.kind() == filters::Verdict::Kind::kReject) return Refuse(verdict.reason());
  cluster_index_ = record_->route->PickCluster(environment_.random());
  state_ = State::kPick;
}

// Drops what concerned the client's connection only, and drops or believes what the client says of itself, before
// anyone reads it.
void Exchange::PrepareRecord() {
  http::RemoveHopByHop(head_);
  const net::SocketAddress& address = client_.peer;
  const auto& trusted = client_.listener.settings.trusted_proxies;
  http::Peer peer{.tls = client_.tls, .trusted_proxies = trusted};
  if (!address.unix_socket()) {
    peer.ip = address.ip();
    peer.trusted = std::any_of(trusted.begin(), trusted.end(),
                               [&](const net::IpBlock& block) { return block.Contains(address.ip()); });
  }
  const net::IpAddress client = http::ClientOf(head_.headers, peer).value_or(net::IpAddress());
  const std::string_view request_id = keep_(http::RequestIdOf(head_.headers, peer, environment_.random));
  http::SetForwarded(head_, peer, request_id, keep_);
  record_ = std::make_unique<RequestRecord>();
  record_->text = RequestText(request_id, head_.method, head_.authority, head_.target);
  record_->client = client;
  record_->client_port = peer.ip == client ? address.port() : uint16_t{0};
  record_->tls = client_.tls;
  record_->listener = client_.listener.settings.name;
  record_->start = environment_.loop.now();
}

// --- The backend ---

void Exchange::Pick() {
  cluster::WorkerCluster& cluster = environment_.clusters[cluster_index_];
  const cluster::Picked picked = cluster.Choose(head_, record_->client, tried_, environment_.random());
  if (tried_.empty()) {
    record_->affinity = picked.affinity;
    environment_.stats.Add(MetricOf(picked.affinity));
  }
  if (picked.endpoint == nullptr) return Refuse(Reject::kNoEndpoint);
  endpoint_ = picked.endpoint;
  record_->endpoint = endpoint_;
  renew_affinity_ = picked.renew_affinity;
  lease_ = cluster::OpenLease(*endpoint_);
  environment_.stats.Add(stats::Metric::kBackendConnects);
  cluster::Connection connection = cluster::Connector(environment_.loop).Start(*endpoint_);
  connecting_ = std::move(connection.lease);
  if (connection.stream == nullptr) return OnConnectFailure(Reject::kConnectFailed);
  backend_ = std::move(connection.stream);
  backend_->Watch(&owner_, kBackendTag);
  environment_.loop.Arm(timer_, cluster.cluster.settings().connect_timeout);
  outgoing_.clear();
  outgoing_sent_ = 0;
  if (!AppendRequest(outgoing_)) return Refuse(Reject::kMalformedRequest);
  state_ = State::kSendHead;
}

bool Exchange::AppendRequest(std::string& bytes) const {
  http::RequestHead request = head_;
  if (websocket()) {
    http::AddUpgradeFields(request.headers);
  } else {
    request.headers.Add("Connection", "close");
    if (request_framing_.kind == http1::Framing::Kind::kChunked) request.headers.Add("Transfer-Encoding", "chunked");
  }
  return http1::AppendRequestHead(request, bytes);
}

void Exchange::SendHead() {
  const auto rest = std::as_bytes(std::span(outgoing_)).subspan(outgoing_sent_);
  const net::IoResult put = backend_->Write(rest);
  outgoing_sent_ += put.bytes;
  if (put.state == net::IoState::kError) {
    return outgoing_sent_ == 0 ? OnConnectFailure(Reject::kConnectFailed) : Refuse(Reject::kBackendClosed);
  }
  if (outgoing_sent_ < outgoing_.size()) return backend_->Want({.write = true});
  connecting_.Succeeded();
  environment_.loop.Arm(timer_, record_->route->settings.handshake_timeout);
  backend_->Want({.read = true});
  if (!websocket()) request_body_.emplace(request_framing_, request_framing_.kind == http1::Framing::Kind::kChunked);
  state_ = State::kAwaitHead;
}

void Exchange::OnConnectFailure(Reject reject) {
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
  if (request_body_ && !request_body_->done()) {
    const uint64_t before = request_body_->bytes();
    const auto progress = request_body_->Pump(environment_, behind_, client_.stream, *backend_);
    if (progress == BodyRelay::Progress::kSourceBroken) return ClientLeft();
    // An upload may take its time, as long as it moves.
    if (request_body_->bytes() != before) {
      environment_.loop.Arm(timer_, record_->route->settings.handshake_timeout);
    }
    client_.stream.Want({.read = request_body_->wants_read() || request_body_->done()});
  }
  const auto scratch = environment_.loop.scratch();
  const net::IoResult got = backend_->Read(scratch.first(scratch.size() / 4));
  response_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
  while (state_ == State::kAwaitHead && !response_.empty()) {
    response_head_ = {};
    const auto parsed = http1::ParseResponseHead(response_, kResponseLimits, response_head_, response_scanned_);
    if (parsed.state == http1::ParseState::kRejected) return Refuse(Reject::kBadBackendResponse);
    if (parsed.state == http1::ParseState::kIncomplete) break;
    OnResponseHead(parsed.head_bytes);
  }
  if (state_ != State::kAwaitHead) return;
  if (got.state == net::IoState::kEnd || got.state == net::IoState::kError) return Refuse(Reject::kBackendClosed);
  const bool sending = request_body_ && request_body_->wants_write();
  backend_->Want({.read = true, .write = sending});
}

// --- The response ---

void Exchange::OnResponseHead(size_t head_bytes) {
  const int status = response_head_.status;
  if (status == 101) {
    if (http::CheckResponse(response_head_, upgrade_) != http::UpgradeAnswer::kTunnel) {
      return Refuse(Reject::kBadBackendUpgrade);
    }
    // Only what the backend agreed to counts.
    deflate_ = http::HasExtension(response_head_, "permessage-deflate");
    http::RemoveHopByHop(response_head_);
    http::AddUpgradeFields(response_head_.headers);
    AddAffinityCookie();
    snapshot_->filters[record_->route->index].OnResponse(*context_, response_head_);
    outgoing_.clear();
    outgoing_sent_ = 0;
    if (!http1::AppendResponseHead(response_head_, outgoing_)) return Refuse(Reject::kBadBackendUpgrade);
    response_.erase(0, head_bytes);
    record_->status = 101;
    state_ = State::kSwitch;
  } else if (status < 200) {
    // An interim response: of no use to a WebSocket; any other request's goes on to clients that know them.
    if (!websocket() && head_.version == http::Version::kHttp11) {
      std::string interim;
      http::RemoveHopByHop(response_head_);
      if (!http1::AppendResponseHead(response_head_, interim)) return Refuse(Reject::kBadBackendResponse);
      if (client_.stream.Write(std::as_bytes(std::span(interim))).bytes < interim.size()) return ClientLeft();
    }
    response_.erase(0, head_bytes);
    response_scanned_ = 0;
  } else {
    StartRelay();
    response_.erase(0, head_bytes);
  }
}

void Exchange::AddAffinityCookie() {
  const cluster::Cluster& cluster = environment_.clusters[cluster_index_].cluster;
  if (cluster.affinity() == nullptr || !renew_affinity_) return;
  response_head_.headers.Add("Set-Cookie",
                             keep_(cluster.affinity()->SetCookieFor(*endpoint_, cluster::WallNow(), client_.tls)));
}

void Exchange::SwitchProtocols() {
  const auto rest = std::as_bytes(std::span(outgoing_)).subspan(outgoing_sent_);
  const net::IoResult put = client_.stream.Write(rest);
  outgoing_sent_ += put.bytes;
  if (put.state == net::IoState::kError) return ClientLeft();
  if (outgoing_sent_ < outgoing_.size()) return client_.stream.Want({.read = true, .write = true});
  record_->tunnel = true;
  endpoint_->CountTunnelOpened();
  environment_.stats.Add(stats::Metric::kUpgradesOk);
  environment_.stats.Add(stats::Metric::kTunnels);
  environment_.stats.Add(stats::Metric::kTunnelsOpen);
  environment_.stats.CountResponse(101);
  environment_.stats.Observe(stats::Histogram::kHandshake, environment_.loop.now() - record_->start);
  timer_.Cancel();
  state_ = State::kDone;
  progress_ = Progress::kTunnel;
}

void Exchange::StartRelay() {
  const auto [framing, reject] = http1::ResponseFraming(head_.method, response_head_);
  if (reject != Reject::kNone) return Refuse(reject);
  const bool bare = framing.kind == http1::Framing::Kind::kNone || framing.kind == http1::Framing::Kind::kLength;
  const bool chunked = !bare && head_.version == http::Version::kHttp11;
  const bool request_done = request_body_ ? request_body_->done() : behind_.empty();
  // A refused upgrade ends the connection: what lies behind it was never a request.
  keep_alive_ = keep_alive_ && (bare || chunked) && request_done && !websocket() && !environment_.draining;
  http::RemoveHopByHop(response_head_);
  if (chunked) response_head_.headers.Set("Transfer-Encoding", "chunked");
  if (!keep_alive_) response_head_.headers.Add("Connection", "close");
  AddAffinityCookie();
  snapshot_->filters[record_->route->index].OnResponse(*context_, response_head_);
  std::string head;
  if (!http1::AppendResponseHead(response_head_, head)) return Refuse(Reject::kBadBackendResponse);
  record_->status = static_cast<uint16_t>(response_head_.status);
  response_body_.emplace(framing, chunked);
  response_body_->Prepend(environment_, head);
  response_started_ = true;
  state_ = State::kRelay;
}

void Exchange::Relay() {
  environment_.loop.Arm(timer_, record_->route->settings.stream_idle_timeout);
  if (request_body_ && !request_body_->done()) {
    // A backend that has answered need not read the rest: that is no fault of the response.
    const auto progress = request_body_->Pump(environment_, behind_, client_.stream, *backend_);
    if (progress == BodyRelay::Progress::kSourceBroken) return ClientLeft();
    if (progress == BodyRelay::Progress::kSinkBroken) request_body_.reset();
  }
  switch (response_body_->Pump(environment_, response_, *backend_, client_.stream)) {
    case BodyRelay::Progress::kSinkBroken: return ClientLeft();
    case BodyRelay::Progress::kSourceBroken:
      // Cut, so that the client can tell a part from the whole.
      return Finish(Progress::kBroken, ClosedBy::kBackend, Reject::kBackendClosed);
    case BodyRelay::Progress::kDone:
      return Finish(keep_alive_ ? Progress::kReusable : Progress::kFinished, ClosedBy::kNobody, Reject::kNone);
    case BodyRelay::Progress::kMore: break;
  }
  const bool sending = request_body_ && request_body_->wants_write();
  const bool reading = request_body_ && request_body_->wants_read();
  backend_->Want({.read = response_body_->wants_read(), .write = sending});
  client_.stream.Want({.read = reading, .write = response_body_->wants_write()});
}

// --- The client, while the backend is asked ---

// Holds what comes ahead of the response, bounded, and notices a client that leaves.
void Exchange::ReadClient() {
  if (request_body_ && !request_body_->done()) return;  // the relay reads it
  const size_t most = client_.listener.settings.limits.early_bytes.bytes;
  const auto scratch = environment_.loop.scratch();
  const net::IoResult got = client_.stream.Read(scratch.first(scratch.size() / 4));
  behind_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
  if (got.state == net::IoState::kEnd || got.state == net::IoState::kError) return ClientLeft();
  if (behind_.size() <= most) return;
  if (websocket()) return Refuse(Reject::kEarlyBytesTooLarge);
  client_.stream.Want({});
}

void Exchange::ClientLeft() { Finish(Progress::kBroken, ClosedBy::kClient, Reject::kClientLost); }

// --- Ends ---

void Exchange::OnTimer() {
  if (state_ == State::kSendHead) {
    OnConnectFailure(Reject::kConnectTimeout);
  } else if (state_ == State::kAwaitHead) {
    Refuse(Reject::kBackendTimeout);
  } else {  // a filter that waits, a 101 that the client does not take, a body that stands still
    Refuse(Reject::kIdleTimeout);
  }
}

void Exchange::Refuse(Reject reject) {
  if (response_started_) return Finish(Progress::kBroken, ClosedByOf(reject), reject);
  record_->status = static_cast<uint16_t>(http::SpecOf(reject).status);
  const std::string response =
      http1::RefusalResponse(reject, head_.method == "HEAD" ? http1::BodyOf::kHead : http1::BodyOf::kGet);
  client_.stream.Write(std::as_bytes(std::span(response)));
  Finish(Progress::kFinished, ClosedByOf(reject), reject);
}

void Exchange::Finish(Progress progress, ClosedBy closed_by, Reject reason) {
  state_ = State::kDone;
  progress_ = progress;
  timer_.Cancel();
  if (backend_ != nullptr) backend_->Close(net::CloseReason::kOrderly);
  if (reason != Reject::kNone) environment_.stats.CountReject(reason);
  if (websocket()) environment_.stats.Add(stats::Metric::kUpgradesRefused);
  if (record_->status != 0) environment_.stats.CountResponse(record_->status);
  if (environment_.access_log == nullptr) return;
  const http::RejectSpec& spec = http::SpecOf(reason);
  const bool ordinary = reason == Reject::kNone;
  const std::chrono::duration<double, std::milli> took = environment_.loop.now() - record_->start;
  environment_.access_log->Write(
      {.record = *record_,
       .traffic = {.bytes_in = request_body_ ? request_body_->bytes() : 0,
                   .bytes_out = response_body_ ? response_body_->bytes() : 0},
       .outcome = {.closed_by = closed_by, .reason = ordinary ? "" : spec.label, .flag = ordinary ? "" : spec.flag},
       .duration_ms = took.count()});
}

}  // namespace hawser::session
