// A tunnel between two scripted streams: what it needs of a worker, a snapshot and a record, and frames to
// send. Time passes when a test says so.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/cluster/connector.h"
#include "proxy/session/offload.h"
#include "proxy/session/tunnel.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/ws/frame_builder.h"

namespace hawser::session {

inline std::string Text(const ws::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A frame as a client sends it.
inline std::string Masked(ws::FrameSpec spec) {
  spec.mask = ws::Mask{0x11, 0x22, 0x33, 0x44};
  return Text(ws::Build(spec));
}
// A frame as a backend sends it.
inline std::string Plain(const ws::FrameSpec& spec) {
  return Text(ws::Build(spec));
}

inline std::string ClosePayload(int code, std::string_view reason = "") {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return payload.append(reason);
}

struct Frame {
  int opcode = 0;
  bool fin = false;
  std::string payload;  // unmasked
  bool operator==(const Frame&) const = default;
};

// Takes apart what a peer of the tunnel received; the bytes of an unfinished last frame stay in `rest`.
struct Received {
  std::vector<Frame> frames;
  std::string rest;

  explicit Received(std::string bytes, bool masked) {
    size_t at = 0;
    while (true) {
      auto left = std::as_writable_bytes(std::span(bytes)).subspan(at);
      const ws::ParsedHeader parsed = ws::ParseHeader(left);
      EXPECT_NE(parsed.state, ws::ParsedHeader::State::kViolation);
      if (parsed.state != ws::ParsedHeader::State::kComplete) break;
      const size_t whole = parsed.header.header_bytes + parsed.header.payload_bytes;
      if (left.size() < whole) break;
      EXPECT_EQ(parsed.header.masked, masked);
      auto payload = left.subspan(parsed.header.header_bytes, parsed.header.payload_bytes);
      if (masked) ws::Unmask(payload, parsed.header.mask, 0);
      frames.push_back({static_cast<int>(parsed.header.opcode), parsed.header.fin,
                        std::string(reinterpret_cast<const char*>(payload.data()), payload.size())});
      at += whole;
    }
    rest = bytes.substr(at);
  }

  // The last frame, if it is a close: its code, 1005 for an empty one; 0 otherwise.
  int close_code() const {
    if (frames.empty() || frames.back().opcode != 8) return 0;
    const std::string& payload = frames.back().payload;
    if (payload.size() < 2) return 1005;
    return static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
  }
};

// A loop whose time is stepped. One may serve many harnesses, one after the other: it costs more to make than
// they do.
struct SteppedLoop {
  fakes::SteppedClock clock;
  std::unique_ptr<event::Loop> loop = std::move(*event::Loop::Create(clock.reader()));
};

class TunnelHarness {
 public:
  explicit TunnelHarness(config::WebSocket settings = {.keepalive = {.interval = base::Duration(0)}},
                         config::TcpKeepalive tcp_keepalive = {},
                         std::shared_ptr<SteppedLoop> turns = std::make_shared<SteppedLoop>())
      : turns_(std::move(turns)) {
    config::Route route;
    route.websocket = settings;
    sessions_ = std::make_unique<Sessions>(loop(), stats_);
    services_.reset(new WorkerServices{.loop = loop(),
                                       .buffers = buffers_,
                                       .stats = stats_,
                                       .sessions = *sessions_,
                                       .access_log = nullptr,
                                       .via = via_,
                                       .deflate{64, DeflateCountersOf(stats_)}});
    record_.route = std::make_shared<route::Route>(
        route::Route{.settings = std::move(route), .name = names_.Intern("test")});
    record_.endpoint = cluster::OpenLease(*endpoint_);
    record_.start = loop().now();
    auto client_stream = std::make_unique<fakes::FakeStream>();
    auto backend_stream = std::make_unique<fakes::FakeStream>();
    client_ = client_stream.get();
    backend_ = backend_stream.get();
    parts_ = {.client = std::move(client_stream),
              .backend = std::move(backend_stream),
              .record = &record_,
              .longest_silence = cluster::LongestSilence(tcp_keepalive)};
  }

  ~TunnelHarness() {
    sessions_->Abort(http::Reject::kShutdown);
    Turn(base::Duration(0));
    EXPECT_EQ(endpoint_->active(), 0) << "the endpoint's lease must end with the tunnel";
    EXPECT_EQ(buffers_.in_use(), 0U) << "no slab may outlive the tunnel";
  }

  // A turn of the loop, `by` later.
  void Turn(base::Duration by) {
    turns_->clock.Advance(by);
    loop().RunOnce(base::Duration(0));
  }

  void Start() { Tunnel::Start(*services_, std::move(parts_)); }

  // Lets both streams deliver until nothing happens any more.
  void Settle() {
    bool again = true;
    while (again) {
      again = false;
      if (ended()) return;
      again |= client_->Deliver();
      if (ended()) return;
      again |= backend_->Deliver();
    }
  }

  // The tunnel is destroyed, and the streams with it, once the loop has turned.
  bool ended() const { return sessions_->empty(); }
  Tunnel* tunnel() { return sessions_->FirstTunnel(); }
  uint64_t Counted(http::Reject reject) const {
    stats::Totals totals;
    stats_.AddTo(totals);
    return totals.rejects[static_cast<size_t>(reject)];
  }
  uint64_t Counted(stats::Metric metric) const {
    stats::Totals totals;
    stats_.AddTo(totals);
    return totals[metric];
  }
  uint64_t Closes(stats::ClosedBy closed_by, uint16_t code) const {
    stats::Totals totals;
    stats_.AddTo(totals);
    return totals.closes[static_cast<size_t>(closed_by)][stats::CloseCodeIndex(code)];
  }

  fakes::FakeStream& client() { return *client_; }
  fakes::FakeStream& backend() { return *backend_; }
  event::Loop& loop() { return *turns_->loop; }
  cluster::Endpoint& endpoint() { return *endpoint_; }
  WorkerServices& services() { return *services_; }
  Tunnel::Parts& parts() { return parts_; }
  net::BufferPool& buffers() { return buffers_; }

 private:
  net::BufferPool buffers_;
  stats::WorkerStats stats_;
  const http::Via via_{1};
  const std::shared_ptr<cluster::Endpoint> endpoint_ =
      std::make_shared<cluster::Endpoint>("test", net::SocketAddress());
  base::NameTable names_;
  std::shared_ptr<SteppedLoop> turns_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<WorkerServices> services_;
  RequestRecord record_;
  Tunnel::Parts parts_;
  // Owned by the tunnel, which the loop destroys only when it turns.
  fakes::FakeStream* client_;
  fakes::FakeStream* backend_;
};

// Lets time pass, in milliseconds, until `condition` holds.
template <typename Condition>
void TurnUntil(TunnelHarness& harness, Condition condition) {
  for (int millis = 0; millis < 20'000 && !condition(); ++millis) {
    harness.Turn(base::Duration(1));
    harness.Settle();
  }
  EXPECT_TRUE(condition());
}

}  // namespace hawser::session
