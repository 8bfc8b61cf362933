#include "proxy/session/tunnel.h"

#include <cstring>
#include <utility>

namespace hawser::session {

void Tunnel::Start(WorkerServices& services, Parts parts) {
  const auto early_from_client = parts.early_from_client;
  const auto early_from_backend = parts.early_from_backend;
  Tunnel& tunnel = services.sessions.Add(std::make_unique<Tunnel>(services, std::move(parts)));
  tunnel.Flush(kClient);
  tunnel.Count(kBackend, early_from_backend.size());
  tunnel.Count(kClient, early_from_client.size());
  if (!early_from_backend.empty()) tunnel.Forward(kBackend, early_from_backend);
  if (!early_from_client.empty()) tunnel.Forward(kClient, early_from_client);
  tunnel.Settle();
}

Tunnel::Tunnel(WorkerServices& services, Parts parts)
    : services_(services),
      snapshot_(std::move(parts.snapshot)),
      record_(std::move(*parts.record)),
      leases_(std::move(parts.leases)),
      endpoint_lease_(std::move(parts.endpoint_lease)),
      attachments_(std::move(parts.attachments)),
      timer_(*this, kTimerTag),
      last_message_(services.loop.now()),
      expiry_(base::TimePoint::max()),
      content_(settings().inspection == config::Inspection::kOff ? Content::kBytes
               : parts.deflate                                   ? Content::kDeflatedFrames
                                                                 : Content::kFrames) {
  side(kClient).stream = std::move(parts.client);
  side(kBackend).stream = std::move(parts.backend);
  const auto now = services_.loop.now();
  const config::Keepalive& keepalive = settings().keepalive;
  const auto pinged = [&](config::KeepaliveTo only) {
    return !is_pipe() && (keepalive.to == only || keepalive.to == config::KeepaliveTo::kBoth);
  };
  if (pinged(config::KeepaliveTo::kClient))
    side(kClient).keepalive.Start(keepalive.interval, keepalive.timeout, now, services_.secrets.Next());
  if (pinged(config::KeepaliveTo::kBackend))
    side(kBackend).keepalive.Start(keepalive.interval, keepalive.timeout, now, services_.secrets.Next());
  if (const config::MaxDuration& longest = settings().max_connection_duration; longest.duration.count() > 0) {
    const double share = 1 - longest.jitter * std::uniform_real_distribution<>(0, 1)(services_.random);
    expiry_ =
        now + base::Duration(static_cast<int64_t>(static_cast<double>(longest.duration.count()) * share));
  }
  if (Paces::AskedFor(settings())) paces_ = std::make_unique<Paces>(settings());
  for (const Peer peer : {kClient, kBackend}) side(peer).stream->Watch(this, peer);
  side(kClient).blocked = true;  // until Start has flushed what the 101 may have left in the stream
  ArmTimer();
}

Tunnel::~Tunnel() = default;

void Tunnel::OnReady(event::Ready ready) {
  if (state_ == State::kClosed) return;
  if (ready.timer) {
    OnTimer();
  } else {
    const auto peer = static_cast<Peer>(ready.tag);
    if (ready.writable) Flush(peer);
    if (ready.readable) Receive(peer);
    if (ready.writable && !side(peer).blocked) Receive(Other(peer));
  }
  Settle();
}

ws::ScanRules Tunnel::RulesFor(Peer from) const {
  const config::WebSocket& websocket = settings();
  const bool strict = websocket.inspection == config::Inspection::kStrict;
  return {.expect_masked = from == kClient,
          .rsv1_allowed = content_ == Content::kDeflatedFrames,
          .max_frame_bytes = websocket.max_frame_bytes.bytes,
          .max_message_bytes = websocket.max_message_bytes.bytes,
          .validate_utf8 = websocket.validate_utf8,
          .strictness = strict ? ws::Strictness::kStrict : ws::Strictness::kLenient};
}

// --- Sending ---

void Tunnel::Send(Peer to, std::span<const std::byte> bytes) {
  Side& sink = side(to);
  if (sink.sealed || bytes.empty()) return;
  if (sink.blocked) return sink.backlog.Append(services_.buffers, bytes);
  OnWritten(to, bytes, sink.stream->Write(bytes));
}

// Nothing follows these. Where nothing is awaited from `to` either, its stream ends in the same packet.
void Tunnel::SendLast(Peer to, std::span<const std::byte> bytes) {
  Side& sink = side(to);
  const bool ends = sink.deaf && !sink.blocked && !sink.sealed && !ServerEndsFirst(to);
  if (ends) {
    const net::IoResult put = sink.stream->WriteLast(bytes);
    sink.shut = put.state == net::IoState::kOk;
    OnWritten(to, bytes, put);
  } else {
    Send(to, bytes);
  }
  sink.sealed = true;
}

void Tunnel::OnWritten(Peer to, std::span<const std::byte> bytes, net::IoResult put) {
  if (put.state == net::IoState::kError) return OnWriteError(to);
  if (put.state == net::IoState::kBlocked) Block(to);
  side(to).backlog.Append(services_.buffers, bytes.subspan(put.bytes));
}

void Tunnel::Block(Peer to) {
  side(to).blocked = true;
  services_.stats.Add(to == kBackend ? stats::Metric::kPausesOfClient : stats::Metric::kPausesOfBackend);
}

void Tunnel::Flush(Peer to) {
  Side& sink = side(to);
  while (sink.blocked && !sink.closed) {
    const auto waiting = sink.backlog.front();  // empty: the stream flushes what it holds itself
    const net::IoResult put = sink.stream->Write(waiting);
    if (put.state == net::IoState::kError) return OnWriteError(to);
    sink.backlog.Consume(put.bytes);
    if (put.state == net::IoState::kBlocked) return;
    if (waiting.empty()) sink.blocked = false;
  }
}

// The peer is gone, but its last words, a close frame perhaps, may have come before: Settle reads them.
void Tunnel::OnWriteError(Peer to) {
  Side& sink = side(to);
  sink.broken = sink.sealed = true;
  sink.blocked = false;
  sink.backlog.Clear();
}

// Puts in what waits for a boundary of the bytes that go to `to`; they stand at one.
void Tunnel::Inject(Peer to) {
  Side& sink = side(to);
  const auto mask = [&]() -> std::optional<ws::Mask> {
    if (to == kClient) return std::nullopt;
    const uint64_t random = services_.secrets.Next();
    ws::Mask bytes;
    std::memcpy(bytes.data(), &random, bytes.size());
    return bytes;
  };
  if (std::exchange(sink.ping_due, false) && sink.close_due == 0) {
    const ws::SmallFrame ping = sink.keepalive.MakePing(services_.loop.ReadClock(), mask());
    Send(to, ping.bytes());
    services_.stats.Add(to == kClient ? stats::Metric::kPingsToClient : stats::Metric::kPingsToBackend);
  }
  if (const uint16_t code = std::exchange(sink.close_due, uint16_t{0}); code != 0) {
    const auto text =
        violation_ != ws::Violation::kNone ? ws::SpecOf(violation_).text : http::SpecOf(reason_).text;
    SendLast(to, ws::SmallFrame::MakeClose(code, text, mask()).bytes());
  }
}

void Tunnel::Ping(Peer to) {
  Side& sink = side(to);
  if (sink.sealed || sink.keepalive.Hold(services_.loop.now())) return;
  sink.ping_due = true;
  if (AtBoundaryTowards(to)) Inject(to);
}

// The last thing that `to` hears: a close frame, now or at the next boundary; where none is to come (code 0) or can come any
// more, its stream just ends.
void Tunnel::CloseTowards(Peer to, uint16_t code) {
  Side& sink = side(to);
  if (sink.sealed || sink.close_due != 0) return;
  if (is_pipe() || code == 0) return EndWithoutCloseFrame(to);
  sink.close_due = code;
  if (AtBoundaryTowards(to)) {
    Inject(to);
  } else if (side(Other(to)).deaf) {
    EndWithoutCloseFrame(to);
  }
}

// Not even a close frame follows: the route wants none, or a frame stands unfinished towards `to` and will never be
// finished. No answer is to be waited for.
void Tunnel::EndWithoutCloseFrame(Peer to) {
  side(to).close_due = 0;
  side(to).sealed = true;
  side(to).deaf = true;
  side(to).parted = false;
}

// --- Seeing it ---

Traffic Tunnel::traffic() const {
  const Side& client = sides_[kClient];
  const Side& backend = sides_[kBackend];
  Traffic total{.messages_in = client.scanner.messages(),
                .messages_out = backend.scanner.messages(),
                .bytes_in = client.bytes,
                .bytes_out = backend.bytes,
                .pings_sent = client.keepalive.pings_sent() + backend.keepalive.pings_sent()};
  const ws::RoundTrips trips = client.keepalive.round_trips();
  total.rtt_count = trips.count;
  if (trips.count > 0) {
    total.rtt_min_ms = trips.min_us / 1000.0;
    total.rtt_average_ms = static_cast<double>(trips.sum_us) / trips.count / 1000.0;
    total.rtt_max_ms = trips.max_us / 1000.0;
  }
  return total;
}

std::string_view Tunnel::state_name() const {
  switch (state_) {
    case State::kOpen: return "open";
    case State::kClosing: return "closing";
    case State::kClosed: return "closed";
  }
  return "";
}

base::Duration Tunnel::age() const {
  return base::Between(record_.start, services_.loop.now());
}

}  // namespace hawser::session
