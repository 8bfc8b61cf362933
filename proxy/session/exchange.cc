#include "proxy/session/exchange.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/http/forwarded.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http/max_forwards.h"
#include "proxy/route/answer.h"
#include "proxy/session/offload.h"
#include "proxy/session/tunnel.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

using http::Reject;

// One form for both protocols: what RFC 6455 and RFC 8441 add to it, each codec adds by itself.
void NormalizeHandshake(http::RequestHead& head) {
  head.method = "GET";
  head.protocol = {};
  head.body = false;
  head.headers.Remove("Sec-WebSocket-Key");
}

// Refusals that say nothing against the request: where it has come whole, what follows it is the next one.
bool LeavesClientSound(Reject reject) {
  switch (reject) {
    case Reject::kNoRoute:
    case Reject::kNoEndpoint:
    case Reject::kConnectFailed:
    case Reject::kConnectTimeout:
    case Reject::kBackendClosed:
    case Reject::kBackendTimeout:
    case Reject::kBadBackendResponse: return true;
    default: return false;
  }
}

}  // namespace

Exchange::Exchange(WorkerServices& services, Backends& backends, std::shared_ptr<const Snapshot> snapshot,
                   event::IoHandler& owner, Client client, http::RequestHead head)
    : services_(services),
      backends_(backends),
      snapshot_(std::move(snapshot)),
      owner_(owner),
      client_(client),
      head_(std::move(head)),
      timer_(owner, kTimerTag) {}

Exchange::~Exchange() {
  if (state_ != State::kDone && record_ != nullptr)
    Finish(Progress::kBroken, {ClosedBy::kProxy, Reject::kShutdown});
}

Exchange::Progress Exchange::Advance(event::Ready ready) {
  if (ready.timer) {
    OnTimer();
  } else if (ready.readable && ready.tag == kClientTag) {
    ReadAhead(ready.hung_up);
  }
  State before;
  do {
    before = state_;
    switch (state_) {
      case State::kStart: Start(); break;
      case State::kFilters: RunFilters(); break;
      case State::kPick: Pick(); break;
      case State::kConnect: Connect(); break;
      case State::kSendHead: SendHead(); break;
      case State::kAwaitHead: AwaitHead(); break;
      case State::kSwitch: SwitchProtocols(); break;
      case State::kRelay: Relay(); break;
      case State::kAnswer: FlushAnswer(); break;
      case State::kDone: break;
    }
  } while (state_ != before && state_ != State::kAwaitHead);  // the backend has had no time to answer
  return progress_;
}

// --- The request ---

void Exchange::Start() {
  http::Classification classification = http::Classify(head_);
  const bool sound_names = MeetUnderscorePolicy();
  const bool looped = services_.via.IsIn(head_.headers);  // before PrepareRecord, which adds our own entry
  upgrade_ = std::move(classification.upgrade);
  PrepareRecord();
  services_.stats.Add(stats::Metric::kRequests);
  if (client_.reject != Reject::kNone) return Refuse(client_.reject);
  if (services_.sessions.draining()) return Refuse(Reject::kDraining);
  if (classification.reject != Reject::kNone) return Refuse(classification.reject);
  if (!sound_names) return Refuse(Reject::kUnderscoreInHeader);
  if (looped) return Refuse(Reject::kLoopDetected);
  if (websocket()) NormalizeHandshake(head_);
  record_->route = snapshot_->routes->Match(client_.listener.index, head_, websocket());
  if (record_->route == nullptr) return Refuse(Reject::kNoRoute);
  ArmFor(websocket() ? route().handshake_timeout : route().response_timeout);
  if (websocket()) offload_ = NegotiateCompression(route().websocket, head_, upgrade_, arena_);

  client_address_ = net::SocketAddress(record_->client, record_->client_port);
  const filters::Connection from{.client = client_address_,
                                 .listener = *record_->listener,
                                 .tls = client_.tls,
                                 .route = *record_->route};
  context_.emplace(from, head_, arena_, services_.loop, owner_, kFilterTag);
  WatchClient();
  state_ = State::kFilters;
}

void Exchange::RunFilters() {
  const filters::Verdict verdict = snapshot_->filters[record_->route->index].OnRequest(*context_);
  if (verdict.kind() == filters::Verdict::Kind::kWait) return;
  if (verdict.kind() == filters::Verdict::Kind::kReject) return Refuse(verdict.reason());
  if (route::Answers(route())) return AnswerByRoute();
  switch (http::CountForward(head_, arena_)) {
    case http::ForwardLimit::kMalformed: return Refuse(Reject::kMalformedRequest);
    case http::ForwardLimit::kExhausted: return AnswerInPlace();
    case http::ForwardLimit::kAllowed: break;
  }
  const auto& rewrite = record_->route->rewrite;
  const size_t longest = client_.listener.settings.limits.request_head.bytes;
  if (rewrite && !rewrite->Apply(head_, longest, arena_)) return Refuse(Reject::kNoRoute);
  cluster_index_ = PickCluster();
  state_ = State::kPick;
}

// A session that is known stays in its cluster; the clusters' shares concern the others.
size_t Exchange::PickCluster() {
  if (route().affinity == config::RouteAffinity::kSocketIo) {
    socket_io_.emplace(backends_.stick_table(), head_);
    const auto home = socket_io_->FindCluster(*record_->route, backends_.clusters(), services_.loop.now());
    if (home) return *home;
  }
  return record_->route->PickCluster(services_.random());
}

// False if the listener refuses such names. Before any other field is dropped, so that all are seen.
bool Exchange::MeetUnderscorePolicy() {
  using config::UnderscorePolicy;
  const UnderscorePolicy policy = client_.listener.settings.headers_with_underscores;
  if (policy == UnderscorePolicy::kReject) {
    return std::none_of(head_.headers.begin(), head_.headers.end(), http::HasUnderscore);
  }
  if (policy == UnderscorePolicy::kDrop) {
    services_.stats.Add(stats::Metric::kHeadersWithUnderscore, head_.headers.RemoveIf(http::HasUnderscore));
  }
  return true;
}

// Drops what concerned the client's connection only, and drops or believes what the client says of itself, before
// anyone reads it.
void Exchange::PrepareRecord() {
  http::RemoveHopByHop(head_);
  const net::SocketAddress& address = client_.peer;
  const config::Listener& listener = client_.listener.settings;
  http::Peer peer{.trusted = net::AnyContains(listener.trusted_proxies, address),
                  .tls = client_.tls,
                  .port = services_.listener_ports[client_.listener.index],
                  .trusted_proxies = listener.trusted_proxies,
                  .send_real_ip = listener.forwarded.x_real_ip};
  if (!address.unix_socket()) peer.ip = address.ip();
  const auto [client, request_id] = http::SetForwarded(head_, peer, services_.via, services_.random, arena_);
  record_ = std::make_unique<RequestRecord>();
  record_->text = RequestText(request_id, head_.method, head_.authority, head_.target);
  record_->client = client.value_or(net::IpAddress());
  record_->client_port = peer.ip == client ? address.port() : uint16_t{0};
  record_->tls = client_.tls;
  record_->version = head_.version;
  record_->listener = &listener.name;
  record_->start = services_.loop.now();
}

// --- The client, while the backend is asked ---

// Holds what comes ahead of the response, bounded, and notices a client that leaves. One that has only ended its own
// direction gets its answer, unless it asks for a tunnel, in which it could say nothing. While the body is relayed, the relay
// reads it.
void Exchange::ReadAhead(bool hung_up) {
  if (state_ == State::kStart || state_ == State::kDone || state_ == State::kAnswer || uploading()) return;
  if ((client_ended_ || ahead_full_) && hung_up) return ClientLeft();
  if (ahead_full_) return;
  switch (client_.stream.ReadAhead(client_.listener.settings.limits.early_bytes.bytes)) {
    case http::ServerStream::Ahead::kNothing: return;
    case http::ServerStream::Ahead::kLeft: return ClientLeft();
    case http::ServerStream::Ahead::kEnded:
      if (hung_up || websocket()) return ClientLeft();
      client_ended_ = true;
      return WatchClient();
    case http::ServerStream::Ahead::kTooMuch:
      if (websocket()) return Refuse(Reject::kEarlyBytesTooLarge);
      ahead_full_ = true;
      return WatchClient();
  }
}

void Exchange::WatchClient() {
  client_.stream.Want({.read = uploading() ? request_body_->wants_read() : !ahead_full_ && !client_ended_,
                       .write = interim_waits_ || state_ == State::kSwitch ||
                                (response_body_ && response_body_->wants_write()),
                       .hang_up = (client_ended_ || ahead_full_) && !uploading()});
}

void Exchange::ClientLeft() {
  Finish(Progress::kBroken, {ClosedBy::kClient, Reject::kClientLost});
}

// --- Ends ---

void Exchange::OnTimer() {
  if (state_ == State::kConnect || state_ == State::kSendHead) {
    OnConnectTimeout();
  } else if (state_ == State::kAnswer) {
    services_.stats.Add(stats::Metric::kAnswerTimeouts);
    Finish(Progress::kBroken, end_);
  } else {
    const Reject late = LateReason();
    if (late == Reject::kBackendTimeout) NoteLateBackend();
    Refuse(late);
  }
}

// Who is late, where the exchange's timer has come.
Reject Exchange::LateReason() const {
  if (state_ == State::kStart || state_ == State::kFilters) return Reject::kFilterTimeout;
  if (state_ != State::kAwaitHead)
    return Reject::kIdleTimeout;  // a 101 that is not taken, a body that stands still
  const bool client = uploading() && !awaits_continue_ && !request_body_->wants_write();
  return client ? Reject::kRequestTimeout : Reject::kBackendTimeout;
}

// 0: no limit.
void Exchange::ArmFor(base::Duration limit) {
  limit.count() > 0 ? services_.loop.Arm(timer_, limit) : timer_.Cancel();
}

void Exchange::Refuse(Reject reject) {
  const End end{http::SpecOf(reject).closed_by, reject};
  if (response_ == Response::kStarted) return Finish(Progress::kBroken, end);
  Answer(http::RefusalOf(reject), !websocket() && !services_.sessions.draining() && LeavesClientSound(reject),
         end);
}

// A refused upgrade ends the connection: what lies behind it was never a request.
void Exchange::AnswerByRoute() {
  const std::string_view scheme = head_.headers.Find("X-Forwarded-Proto").value_or("http");
  Answer(route::AnswerOf(route(), head_, scheme), !websocket(), {});
}

// As the last to get a request that may be forwarded no more. A TRACE is not sent back: that would hand a script in a page
// the cookies that are kept from it.
void Exchange::AnswerInPlace() {
  if (head_.method == "TRACE") return Refuse(Reject::kMethodNotAllowed);
  Answer(http::MakeLocalResponse(200, {}, {}), true, {});
}

void Exchange::Answer(http::LocalResponse response, bool keep, End end) {
  answer_ = std::move(response);
  record_->status = static_cast<uint16_t>(answer_.status);
  response_head_ = http::HeadOf(answer_, head_.method);
  if (end.reason == Reject::kNone) route::ApplyRules(route().response_headers, response_head_.headers);
  if (context_) RunResponseFilters();
  if (backend_ != nullptr) std::exchange(backend_, nullptr)->Close(net::CloseReason::kOrderly);
  end_ = end;
  HAWSER_DCHECK(response_ != Response::kStarted);
  response_ = Response::kStarted;
  if (!client_.stream.SendResponse(response_head_, keep)) return Finish(Progress::kBroken, end);
  if (!response_head_.body) answer_.body.clear();
  services_.loop.Arm(timer_, client_.listener.settings.timeouts.answer);
  state_ = State::kAnswer;
}

void Exchange::FlushAnswer() {
  net::IoResult put;
  while (answer_sent_ < answer_.body.size() && put.state == net::IoState::kOk) {
    put = client_.stream.WriteLast(std::as_bytes(std::span(answer_.body)).subspan(answer_sent_));
    answer_sent_ += put.bytes;
  }
  if (put.state == net::IoState::kOk) {
    client_.stream.ShutdownWrite();
    put = client_.stream.Write({});
  }
  if (put.state == net::IoState::kBlocked) return client_.stream.Want({.write = true});
  const bool whole = put.state == net::IoState::kOk;
  Finish(!whole                      ? Progress::kBroken
         : client_.stream.reusable() ? Progress::kReusable
                                     : Progress::kFinished,
         end_);
}

void Exchange::Finish(Progress progress, End end) {
  state_ = State::kDone;
  progress_ = progress;
  timer_.Cancel();
  if (backend_ != nullptr) {
    backends_.pool().Return(backends_.cluster(cluster_index_).cluster, *endpoint_, std::move(backend_));
  }
  if (end.reason != Reject::kNone) services_.stats.CountReject(end.reason);
  if (websocket()) services_.stats.Add(stats::Metric::kUpgradesRefused);
  if (record_->status != 0) services_.stats.CountResponse(record_->status);
  if (services_.access_log == nullptr) return;
  const http::RejectSpec& spec = http::SpecOf(end.reason);
  const bool ordinary = end.reason == Reject::kNone;
  const std::chrono::duration<double, std::milli> took = services_.loop.now() - record_->start;
  services_.access_log->Write({.record = *record_,
                               .traffic = {.bytes_in = request_body_ ? request_body_->bytes() : 0,
                                           .bytes_out = response_body_ ? response_body_->bytes() : 0},
                               .outcome = {.closed_by = end.closed_by,
                                           .reason = ordinary ? "" : spec.label,
                                           .flag = ordinary ? "" : spec.flag,
                                           .backend_error = backend_error_},
                               .duration_ms = took.count()});
}

}  // namespace hawser::session
