#include "proxy/session/http2_connection.h"

#include <span>
#include <utility>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/net/linger.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

using stats::Metric;

// The metrics stand in the order of the abuses.
constexpr Metric MetricOf(http2::Abuse abuse) {
  return static_cast<Metric>(static_cast<int>(Metric::kHttp2Resets) + static_cast<int>(abuse));
}
static_assert(MetricOf(http2::Abuse::kResets) == Metric::kHttp2Resets &&
              MetricOf(http2::Abuse::kProvokedResets) == Metric::kHttp2ProvokedResets &&
              MetricOf(http2::Abuse::kSettings) == Metric::kHttp2Settings &&
              MetricOf(http2::Abuse::kPings) == Metric::kHttp2Pings &&
              MetricOf(http2::Abuse::kPriorities) == Metric::kHttp2Priorities &&
              MetricOf(http2::Abuse::kEmptyData) == Metric::kHttp2EmptyData &&
              MetricOf(http2::Abuse::kWindowUpdates) == Metric::kHttp2WindowUpdates &&
              MetricOf(http2::Abuse::kContinuations) == Metric::kHttp2Continuations &&
              MetricOf(http2::Abuse::kHeaderBomb) == Metric::kHttp2HeaderBombs &&
              MetricOf(http2::Abuse::kWindowStall) == Metric::kHttp2WindowStalls &&
              static_cast<size_t>(http2::Abuse::kWindowStall) + 1 == http2::kAbuses);

}  // namespace

void Http2Connection::Start(WorkerServices& services, Backends& backends, Parts parts) {
  Http2Connection& connection =
      services.sessions.Add(std::make_unique<Http2Connection>(services, backends, std::move(parts)));
  services.sessions.evictions().Put(connection.place_, connection.listener_->name.id(),
                                    connection.leases_.ip.standing(), services.loop.now());
  const bool gone = !backends.snapshot()->listeners.Has(connection.listener_id());
  if (gone || services.sessions.draining()) connection.Drain();
}

Http2Connection::Http2Connection(WorkerServices& services, Backends& backends, Parts parts)
    : services_(services),
      backends_(backends),
      listener_(std::move(parts.listener)),
      peer_(parts.peer),
      leases_(std::move(parts.leases)),
      tls_(parts.tls),
      session_(std::make_unique<http2::Session>(http2::Role::kServer, listener_->http2, services.loop,
                                                services.buffers, std::move(parts.stream))),
      place_(this),
      timer_(*this, kTimerTag) {
  services_.stats.Add(Metric::kHttp2Connections);
  services_.stats.Add(Metric::kHttp2ConnectionsOpen);
  session_->Watch(this, kSessionTag);
  session_->Feed(std::as_bytes(std::span(parts.received)));
  ArmTimer();
}

Http2Connection::~Http2Connection() = default;

void Http2Connection::OnReady(event::Ready ready) {
  if (retired_) return;
  if (ready.timer) return OnTimer();
  if (ready.tag == kLingerTag) return Linger();
  AcceptAll();
  Count();
  if (session_->end() != http2::End::kNone) return OnEnd();
  if (session_->streams() == 0) OnIdle();
  ArmTimer();
}

// One without a request so far keeps the place that it has.
void Http2Connection::OnIdle() {
  if (place_.linked()) return;
  services_.sessions.evictions().Put(place_, listener_->name.id(), Evictable::kIdle, services_.loop.now());
}

void Http2Connection::AcceptAll() {
  const Http2Request::Connection shared{.services = services_,
                                        .backends = backends_,
                                        .listener = listener_,
                                        .peer = peer_,
                                        .tls = tls_,
                                        .requests = requests_};
  while (auto arrival = session_->Accept()) {
    leases_.ip.Prove();
    place_.Unlink();
    if (auto current = backends_.snapshot()->listeners.Find(listener_->name.id()))
      listener_ = std::move(current);
    awaited_ = Awaited::kNothing;  // it may be answered already: then keep_alive starts again
    Http2Request::Start(shared, std::move(*arrival));
  }
}

void Http2Connection::Count() {
  const http2::Counts counts = session_->TakeCounts();
  services_.stats.Add(Metric::kHttp2Streams, counts.streams);
  services_.stats.Add(Metric::kHttp2StreamsRefused, counts.refused_streams);
  services_.stats.Add(Metric::kHttp2ResetsReceived, counts.resets_received);
  services_.stats.Add(Metric::kHttp2ResetsSent, counts.resets_sent);
  services_.stats.Add(Metric::kHttp2Goaways, counts.goaways_sent);
  services_.stats.Add(Metric::kHttp2WindowStalls, counts.stalled_streams);
}

// request_headers bounds the time until the client's SETTINGS, and each header block; keep_alive bounds a
// connection without a stream.
void Http2Connection::ArmTimer() {
  const auto& timeouts = listener_->settings.timeouts;
  const base::TimePoint begun = session_->block_begun();
  const Awaited awaited = begun != base::TimePoint::max() ? Awaited::kHead
                          : session_->streams() > 0       ? Awaited::kNothing
                          : session_->settings_received() ? Awaited::kRequest
                                                          : Awaited::kSettings;
  const bool same =
      awaited == std::exchange(awaited_, awaited) && begun == std::exchange(block_begun_, begun);
  if (awaited == Awaited::kNothing) return timer_.Cancel();
  if (same && timer_.armed()) return;
  const base::Duration full = awaited == Awaited::kRequest ? timeouts.keep_alive : timeouts.request_headers;
  const double reserve = backends_.snapshot()->config->limits.reserve;
  services_.loop.Arm(timer_, session_->streams() > 0 ? full : ShrunkDeadline(full, leases_, reserve));
}

void Http2Connection::OnTimer() {
  if (lingering_ != nullptr) return Retire();
  if (awaited_ == Awaited::kRequest && !session_->going_away()) {
    session_->GoAway();
    return ArmTimer();
  }
  // Also if the client does not react to the GOAWAY.
  if (awaited_ != Awaited::kRequest) services_.stats.CountReject(http::Reject::kRequestTimeout);
  session_->Close(net::CloseReason::kOrderly);
}

// Called again while it aborts its requests, because they make the session report its end again.
void Http2Connection::OnEnd() {
  HAWSER_DCHECK(session_->end() != http2::End::kNone);
  if (lingering_ != nullptr) return;
  const http2::End end = session_->end();
  if (end == http2::End::kAbuse) services_.stats.Add(MetricOf(session_->abuse()));
  if (end == http2::End::kAbuse || end == http2::End::kProtocol) {
    spdlog::debug("listener {}: HTTP/2 connection of {} ended: {}", listener_->settings.name,
                  peer_.ToString(), session_->error());
  }
  while (Http2Request* request = requests_.front()) request->Abort();
  OnIdle();
  lingering_ = session_->TakeTransport();
  if (end == http2::End::kPeer || end == http2::End::kBroken || lingering_ == nullptr) return Retire();
  services_.loop.Arm(timer_, listener_->settings.timeouts.linger);
  lingering_->Watch(this, kLingerTag);
  Linger();
}

// So that no reset overtakes the GOAWAY.
void Http2Connection::Linger() {
  HAWSER_DCHECK(lingering_ != nullptr && !retired_);
  if (net::Linger(services_.loop, *lingering_, lingering_outbox_) == net::Lingering::kOver) Retire();
}

void Http2Connection::Cut(http::Reject reason) {
  while (Http2Request* request = requests_.front()) request->Cut(reason);
}

// The end of one may be that of the session, and then of all.
void Http2Connection::CutRequests(absl::FunctionRef<bool(uint32_t)> which, http::Reject reason) {
  std::vector<Http2Request*> found;
  requests_.ForEach([&](Http2Request& request) {
    if (request.HasRoute(which)) found.push_back(&request);
  });
  for (Http2Request* request : found) {
    if (request->linked()) request->Cut(reason);
  }
}

void Http2Connection::Abort() {
  session_->Close(net::CloseReason::kAbort);
  while (Http2Request* request = requests_.front()) request->Abort();
  Retire();
}

bool Http2Connection::Evict(bool, bool excused) {
  HAWSER_DCHECK(requests_.empty());
  if (excused) leases_.ip.Excuse();
  services_.stats.Add(MetricOf(place_.kind()));
  if (lingering_ == nullptr) session_->Close(net::CloseReason::kOrderly);
  Retire();
  return true;
}

void Http2Connection::Retire() {
  if (std::exchange(retired_, true)) return;
  place_.Unlink();
  Count();
  timer_.Cancel();
  if (lingering_ != nullptr) lingering_->Close(net::CloseReason::kOrderly);
  leases_ = {};  // not only when it is destroyed: another may be about to take its place
  services_.stats.Subtract(Metric::kHttp2ConnectionsOpen);
  Unlink();
  services_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

}  // namespace hawser::session
