#include "proxy/session/exchange.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/http/date.h"
#include "proxy/route/answer.h"
#include "proxy/session/drain_gone.h"
#include "proxy/session/ending.h"
#include "proxy/session/prepare_head.h"
#include "proxy/session/route_action.h"
#include "proxy/session/tunnel.h"

namespace hawser::session {

using http::Reject;

Exchange::Exchange(WorkerServices& services, Backends& backends, event::IoHandler& owner, Client client,
                   http::RequestHead head)
    : services_(services),
      backends_(backends),
      owner_(owner),
      client_(std::move(client)),
      head_(std::move(head)),
      timer_(owner, kTimerTag),
      upload_(client_.stream),
      response_(client_.stream) {}

Exchange::~Exchange() {
  GiveUp(Reject::kShutdown);
}

void Exchange::GiveUp(Reject reason) {
  if (state_ == State::kDone || !record_) return;
  Finish(Progress::kBroken, reason);
}

Exchange::Progress Exchange::Advance(event::Ready ready) {
  HAWSER_DCHECK(state_ != State::kDone);
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
      case State::kConnect: Connect(); break;
      case State::kAwaitHead: AwaitHead(); break;
      case State::kSwitch: SwitchProtocols(); break;
      case State::kRelay: Relay(); break;
      case State::kAnswer: FlushAnswer(); break;
      case State::kDone: break;
    }
  } while (state_ != before && state_ != State::kAwaitHead);  // the backend cannot have answered yet
  return progress_;
}

bool Exchange::Leaving() const {
  return services_.sessions.draining() || !backends_.snapshot()->listeners.Has(client_.listener->name.id());
}

// --- The request ---

void Exchange::Start() {
  const Snapshot& snapshot = *backends_.snapshot();
  generation_ = snapshot.generation;
  PreparedHead prepared = PrepareHead(services_, *client_.listener, client_.peer, client_.tls, head_, arena_,
                                      snapshot.config->access_log, record_.emplace());
  upgrade_ = std::move(prepared.upgrade);
  services_.stats.Add(stats::Metric::kRequests);
  if (client_.reject != Reject::kNone) return Refuse(client_.reject);
  if (Leaving()) return Refuse(Reject::kDraining);
  if (prepared.reject != Reject::kNone) return Refuse(prepared.reject);
  std::shared_ptr<const RouteRuntime> matched =
      snapshot.Match(client_.listener->name.id(), head_, websocket());
  if (matched == nullptr) return Refuse(Reject::kNoRoute);
  record_->route = matched->route;
  record_->route->group->Add(services_.worker, stats::PartCount::kRequests);
  if (websocket()) opening_.OnRequest(route().websocket, head_, upgrade_, arena_);

  if (std::shared_ptr<const RouteLocals> locals = backends_.filter_locals().Of(matched)) {
    filters_.emplace(services_, std::move(locals),
                     FilterRun::Request{.record = *record_, .head = head_, .arena = arena_}, owner_,
                     kFilterTag);
  }
  WatchClient();
  state_ = State::kFilters;
}

void Exchange::RunFilters() {
  if (filters_ && filters_->waiting()) return;  // the client has sent something meanwhile
  using Kind = filters::Verdict::Kind;
  filters::Verdict verdict = filters_ ? filters_->OnRequest() : filters::Verdict::Continue();
  if (verdict.kind() == Kind::kContinue) {
    const size_t longest = client_.listener->settings.limits.request_head.bytes;
    verdict = ApplyRoute(*record_->route, head_, longest, arena_);
  }
  switch (verdict.kind()) {
    case Kind::kWait: return services_.loop.Arm(timer_, verdict.most());
    case Kind::kReject: return Refuse(verdict.reason());
    // A refused upgrade ends the connection: what lies behind it was never a request.
    case Kind::kAnswer: return Answer(verdict.TakeResponse(), !websocket(), verdict.reason());
    case Kind::kContinue: return AskBackend();
  }
}

// --- The backend ---

void Exchange::AskBackend() {
  HAWSER_DCHECK(!backend_);
  std::shared_ptr<cluster::WorkerCluster> cluster = FindCluster();
  if (cluster == nullptr) return Refuse(Reject::kNoEndpoint);  // it has gone while a filter waited
  backend_.emplace(
      services_, backends_, std::move(cluster),
      BackendRequest::Request{.head = head_,
                              .upgrade = websocket() ? &upgrade_ : nullptr,
                              .record = *record_,
                              .session = socket_io_ ? socket_io_->lookup() : cluster::AffinityLookup{}},
      BackendRequest::Waiter{.owner = owner_, .tag = kBackendTag, .timer = timer_});
  state_ = State::kConnect;
}

// A known session stays in its cluster; the weights of the clusters apply to other requests.
std::shared_ptr<cluster::WorkerCluster> Exchange::FindCluster() {
  if (route().affinity == config::RouteAffinity::kSocketIo) {
    socket_io_.emplace(backends_.stick_table(), head_);
    const base::Name home = socket_io_->FindCluster(*record_->route, backends_, services_.loop.now());
    if (home) return backends_.Find(home);
  }
  return backends_.Find(record_->route->PickCluster(services_.random()));
}

void Exchange::Connect() {
  // The end of an empty body may have come meanwhile. Once the head is made, it has said how the body ends.
  if (backend_->state() != BackendRequest::State::kSendHead) {
    head_.body = head_.body && !client_.stream.complete();
  }
  switch (backend_->Advance()) {
    case BackendRequest::State::kSent: return OnRequestSent();
    case BackendRequest::State::kFailed: return Refuse(backend_->failure());
    default: return;
  }
}

void Exchange::OnTryFailed() {
  if (backend_->state() == BackendRequest::State::kFailed) return Refuse(backend_->failure());
  upload_.Withdraw();
  state_ = State::kConnect;
}

void Exchange::OnRequestSent() {
  if (head_.body) upload_.Begin(head_.headers.HasToken("Expect", "100-continue"));
  state_ = State::kAwaitHead;
  ArmForHead();
  PumpUpload() ? WatchBackend() : OnUploadBroken();
}

void Exchange::WatchBackend() {
  backend_->stream().Want({.read = response_.wants_read(), .write = upload_.wants_write()});
}

// --- The client, while the backend is asked ---

// Detects a client that leaves. A client that has only ended its own direction gets its answer, unless it
// asks for a tunnel, in which it could send nothing. While the body is under way, the relay reads it instead.
void Exchange::ReadAhead(bool hung_up) {
  using Ahead = http::ServerStream::Ahead;
  if (state_ == State::kStart || state_ == State::kDone || state_ == State::kAnswer || upload_.under_way())
    return;
  switch (upload_.ReadAhead(client_.listener->settings.limits.early_bytes.bytes, hung_up)) {
    case Ahead::kNothing: return;
    case Ahead::kLeft: return ClientLeft();
    case Ahead::kEnded: return websocket() ? ClientLeft() : WatchClient();
    case Ahead::kTooMuch: return websocket() ? Refuse(Reject::kEarlyBytesTooLarge) : WatchClient();
  }
}

// Moves the client's upload; false if the upload ended by a fault of the client's.
bool Exchange::PumpUpload() {
  if (!upload_.under_way()) return true;
  const Upload::Progress progress = upload_.Pump(services_, backend_->stream());
  if (progress == Upload::Progress::kBroken) return false;
  if (progress == Upload::Progress::kMoved) backend_->StartTryTime();
  if (progress == Upload::Progress::kMoved)
    state_ == State::kRelay ? ArmFor(route().stream_idle_timeout) : ArmForHead();
  WatchClient();
  return true;
}

void Exchange::OnUploadBroken() {
  client_.stream.malformed() ? Refuse(Reject::kMalformedRequest) : ClientLeft();
}

void Exchange::WatchClient() {
  client_.stream.Want({.read = upload_.wants_read(),
                       .write = response_.wants_write() || state_ == State::kSwitch,
                       .hang_up = upload_.wants_hang_up()});
}

void Exchange::ClientLeft() {
  Finish(Progress::kBroken, Reject::kClientLost);
}

// --- The response ---

void Exchange::AwaitHead() {
  if (response_.interim_waits()) FlushInterim();
  if (state_ != State::kAwaitHead) return;
  if (!PumpUpload()) return OnUploadBroken();
  while (state_ == State::kAwaitHead) {
    using HeadState = http::ClientStream::HeadState;
    switch (backend_->ReadHead(response_.head())) {
      case HeadState::kBlocked: return WatchBackend();
      case HeadState::kInterim: OnInterim(); break;
      case HeadState::kFinal:  // another try may take its place
        backend_->Replaces(response_.head(), upload_.begun()) ? OnTryFailed() : StartRelay();
        break;
      case HeadState::kTunnel: OnTunnel(); break;
      case HeadState::kMalformed: return Refuse(Reject::kBadBackendResponse);
      case HeadState::kBadUpgrade: return Refuse(Reject::kBadBackendUpgrade);
      case HeadState::kEnded: backend_->OnEnded(upload_.begun()); return OnTryFailed();
    }
  }
}

// For a WebSocket an interim response is dropped. For other requests it goes to the client, unless the client
// has not taken the one before: they are not stored.
void Exchange::OnInterim() {
  if (websocket()) return;
  upload_.OnInterim();
  ArmForHead();
  if (response_.interim_waits()) return;
  if (!response_.SendInterim()) return Refuse(Reject::kBadBackendResponse);
  FlushInterim();
}

void Exchange::FlushInterim() {
  const bool waited = response_.interim_waits();
  if (response_.FlushInterim() == net::IoState::kError) return ClientLeft();
  if (response_.interim_waits() != waited) WatchClient();
}

void Exchange::OnTunnel() {
  opening_.OnResponse(route(), response_.head(), arena_);
  backend_->AddAffinityCookie(response_.head().headers, arena_);
  if (filters_) filters_->OnResponse(response_.head());
  if (!response_.OpenTunnel(upgrade_)) return Refuse(Reject::kBadBackendUpgrade);
  backend_->stream().Want({});  // until the tunnel reads it
  state_ = State::kSwitch;
}

void Exchange::SwitchProtocols() {
  const net::IoResult put = client_.stream.Write({});
  if (put.state == net::IoState::kError) return ClientLeft();
  if (put.state == net::IoState::kBlocked) return WatchClient();
  opening_.OnOpened(services_, *record_, backend_->endpoint());
  timer_.Cancel();
  state_ = State::kDone;
  progress_ = Progress::kTunnel;
}

void Exchange::OpenTunnel(std::unique_ptr<net::ByteStream> client, EdgeLeases leases,
                          std::string_view early) {
  HAWSER_DCHECK(progress_ == Progress::kTunnel && record_);
  Tunnel& tunnel =
      opening_.Start(services_, *backend_,
                     {.client = std::move(client),
                      .backend = {},
                      .record = &*record_,
                      .leases = std::move(leases),
                      .attachments = filters_ ? filters_->TakeAttachments() : filters::Attachments()},
                     early);
  if (generation_ != backends_.snapshot()->generation) EndIfGone(services_.sessions, backends_, tunnel);
}

// The head is held until the body was read once: if the body is malformed in that read, the client gets 502.
void Exchange::StartRelay() {
  http::ResponseHead& head = response_.head();
  if (socket_io_) socket_io_->OnResponse(head);
  http::AddDate(head.headers);
  route::ApplyRules(route().response_headers, head.headers);
  backend_->AddAffinityCookie(head.headers, arena_);
  if (filters_) filters_->OnResponse(head);
  response_.Hold();
  state_ = State::kRelay;
  ArmFor(route().stream_idle_timeout);
}

void Exchange::Relay() {
  if (!PumpUpload()) return OnUploadBroken();
  const auto look = [this](std::span<const std::byte> piece) {
    if (socket_io_) socket_io_->OnBody(piece, backend_->endpoint(), services_.loop.now());
  };
  // A refused upgrade ends the connection: the bytes behind it are no request.
  const bool keep = !websocket() && !Leaving();
  const BodyRelay::Progress progress = response_.Relay(services_, backend_->stream(), keep, look);
  if (response_.started()) record_->status = static_cast<uint16_t>(response_.head().status);
  switch (progress) {
    case BodyRelay::Progress::kSinkBroken:
      if (response_.started()) return ClientLeft();
      return Refuse(websocket() ? Reject::kBadBackendUpgrade : Reject::kBadBackendResponse);
    case BodyRelay::Progress::kSourceBroken:
      // A response that has started is cut, so that the client does not take the part for the whole.
      return Refuse(backend_->stream().malformed() ? Reject::kBadBackendResponse : Reject::kBackendClosed);
    case BodyRelay::Progress::kDone:
      return Finish(client_.stream.reusable() ? Progress::kReusable : Progress::kFinished);
    case BodyRelay::Progress::kMore: break;
  }
  if (response_.TakeMoved()) ArmFor(route().stream_idle_timeout);
  WatchBackend();
  WatchClient();
}

// --- Ends ---

void Exchange::OnTimer() {
  if (state_ == State::kConnect) {
    backend_->OnTimeout();
    OnTryFailed();
  } else if (state_ == State::kAwaitHead && !upload_.moving() && backend_->TryIsOver()) {
    backend_->OnTryLate(upload_.begun());
    OnTryFailed();
  } else if (state_ == State::kAnswer) {
    services_.stats.Add(stats::Metric::kAnswerTimeouts);
    Finish(Progress::kBroken, refusal_);
  } else if (state_ == State::kFilters) {
    if (filters_->waiting()) Refuse(filters_->Expire());  // else its verdict came in this turn
  } else {
    const Reject late = LateReason();
    if (late == Reject::kBackendTimeout) backend_->OnLate();
    Refuse(late);
  }
}

// Which time-out has passed when the exchange's timer fires.
Reject Exchange::LateReason() const {
  if (state_ != State::kAwaitHead)
    return Reject::kIdleTimeout;  // the client does not take the 101, or a body does not move
  return upload_.awaits_client() ? Reject::kRequestTimeout : Reject::kBackendTimeout;
}

// While a request's body moves, only stream_idle_timeout applies. Once the request is complete, or while its
// client waits for the backend's 100, the backend's time-out runs, and so does that of the try.
void Exchange::ArmForHead() {
  ArmFor(upload_.moving()
             ? route().stream_idle_timeout
             : backend_->TimeForHead(websocket() ? route().handshake_timeout : route().response_timeout));
}

void Exchange::Refuse(Reject reject) {
  if (response_.started()) return Finish(Progress::kBroken, reject);
  Answer(http::RefusalOf(reject, services_.random()),
         !websocket() && !Leaving() && http::LeavesClientSound(reject), reject);
}

void Exchange::Answer(http::LocalResponse response, bool keep, Reject reason) {
  record_->status = static_cast<uint16_t>(response.status);
  response_.SetAnswer(std::move(response), head_.method);
  if (reason == Reject::kNone) route::ApplyRules(route().response_headers, response_.head().headers);
  if (filters_) filters_->OnResponse(response_.head());
  if (backend_) backend_->GiveUp();
  refusal_ = reason;
  if (!response_.SendAnswer(keep)) return Finish(Progress::kBroken, reason);
  services_.loop.Arm(timer_, client_.listener->settings.timeouts.answer);
  state_ = State::kAnswer;
}

void Exchange::FlushAnswer() {
  switch (response_.FlushAnswer()) {
    case net::IoState::kBlocked: return client_.stream.Want({.write = true});
    case net::IoState::kOk:
      return Finish(client_.stream.reusable() ? Progress::kReusable : Progress::kFinished, refusal_);
    default: return Finish(Progress::kBroken, refusal_);
  }
}

void Exchange::Finish(Progress progress, Reject reason) {
  HAWSER_DCHECK(state_ != State::kDone && record_);
  state_ = State::kDone;
  progress_ = progress;
  timer_.Cancel();
  if (backend_) backend_->Return();
  if (reason != Reject::kNone) services_.stats.CountReject(reason);
  if (websocket()) services_.stats.Add(stats::Metric::kUpgradesRefused);
  if (record_->status != 0) services_.stats.CountResponse(record_->status);
  if (services_.access_log == nullptr) return;
  Outcome outcome = Ending::OfRequest(reason).outcome();
  if (backend_) outcome.backend_error = backend_->failure_text();
  services_.access_log->Write({.record = *record_,
                               .traffic = {.bytes_in = upload_.bytes(), .bytes_out = response_.bytes()},
                               .outcome = outcome,
                               .ended = services_.loop.now()});
}

}  // namespace hawser::session
