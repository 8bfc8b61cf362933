#include "proxy/session/sides.h"

#include <cstring>
#include <optional>

#include "proxy/base/check.h"
#include "proxy/ws/frame.h"

namespace hawser::session {
namespace {

// Frames to a backend are masked (RFC 6455 §5.3).
std::optional<ws::Mask> MaskFor(Peer to, base::SecretNumbers& secrets) {
  if (to == Peer::kClient) return std::nullopt;
  const uint64_t random = secrets.Next();
  ws::Mask mask;
  std::memcpy(mask.data(), &random, mask.size());
  return mask;
}

bool IsPinged(Peer peer, config::KeepaliveTo to) {
  return to == config::KeepaliveTo::kBoth ||
         to == (peer == Peer::kClient ? config::KeepaliveTo::kClient : config::KeepaliveTo::kBackend);
}

}  // namespace

void Sides::StartKeepalive(const config::Keepalive& keepalive, WorkerServices& services) {
  for (const Peer peer : kPeers) {
    if (!IsPinged(peer, keepalive.to)) continue;
    Of(peer).keepalive().Start(keepalive.interval, keepalive.timeout, services.loop.now(),
                               services.secrets.Next());
  }
}

void Sides::Send(Peer to, std::span<const std::byte> bytes, WorkerServices& services) {
  if (Of(to).Send(bytes, services.buffers)) services.stats.Add(MetricsOf(Other(to)).pauses);
}

void Sides::SendLast(Peer to, std::span<const std::byte> bytes, WorkerServices& services) {
  if (Of(to).SendLast(bytes, services.buffers)) services.stats.Add(MetricsOf(Other(to)).pauses);
}

void Sides::Inject(Peer to, std::string_view text, WorkerServices& services) {
  HAWSER_DCHECK(AtBoundaryTowards(to));
  Side& sink = Of(to);
  const Side::Due due = sink.TakeDue();
  if (due == Side::Due::kNothing) return;
  const std::optional<ws::Mask> mask = MaskFor(to, services.secrets);
  if (due == Side::Due::kClose)
    return SendLast(to, ws::SmallFrame::MakeClose(sink.close_code(), text, mask).bytes(), services);
  Send(to, sink.keepalive().MakePing(services.loop.ReadClock(), mask).bytes(), services);
  services.stats.Add(MetricsOf(to).pings);
}

void Sides::Ping(Peer to, WorkerServices& services) {
  Side& sink = Of(to);
  if (sink.finished() || sink.keepalive().Hold(services.loop.now())) return;
  sink.DuePing();
  if (AtBoundaryTowards(to)) Inject(to, "", services);
}

void Sides::CloseTowards(Peer to, uint16_t code, std::string_view text, WorkerServices& services) {
  Side& sink = Of(to);
  if (sink.finished() || sink.due() == Side::Due::kClose) return;
  if (code == 0) return EndWithoutCloseFrame(to);
  sink.DueClose(code);
  if (AtBoundaryTowards(to)) {
    Inject(to, text, services);
  } else if (!Of(Other(to)).forwards()) {
    EndWithoutCloseFrame(to);
  }
}

void Sides::EndWithoutCloseFrame(Peer to) {
  Of(to).Finish();
  Of(to).Discard();
}

void Sides::CheckBackendHost(base::Duration longest) {
  Side& client = Of(Peer::kClient);
  Side& backend = Of(Peer::kBackend);
  if (!client.MayBeUnderWay() || longest.count() == 0 || backend.finished()) return;
  const std::optional<base::Duration> silence = backend.stream().HostSilence();
  if (silence && *silence >= longest) return backend.Break();
  if (!silence && !backend.blocked() && !client.carries()) client.AllArrived();
}

Traffic Sides::traffic() const {
  const Side& client = Of(Peer::kClient);
  const Side& backend = Of(Peer::kBackend);
  Traffic total{.messages_in = client.scanner().messages(),
                .messages_out = backend.scanner().messages(),
                .bytes_in = client.bytes(),
                .bytes_out = backend.bytes(),
                .pings_sent = client.keepalive().pings_sent() + backend.keepalive().pings_sent()};
  const ws::RoundTrips trips = client.keepalive().round_trips();
  total.rtt_count = trips.count;
  if (trips.count > 0) {
    total.rtt_min_ms = trips.min_us / 1000.0;
    total.rtt_average_ms = static_cast<double>(trips.sum_us) / trips.count / 1000.0;
    total.rtt_max_ms = trips.max_us / 1000.0;
  }
  return total;
}

}  // namespace hawser::session
