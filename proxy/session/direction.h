// One direction of a tunnel during one read: reads the bytes of a peer, scans them in place, and sends them
// to the other peer in as few pieces as inserted and dropped frames allow (RFC 6455 §5). If the tunnel has to
// decide something, the call returns an event. Made on the stack; owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/http/reject.h"
#include "proxy/net/byte_stream.h"
#include "proxy/session/ending.h"
#include "proxy/session/pace.h"
#include "proxy/session/peer.h"
#include "proxy/session/sides.h"
#include "proxy/session/worker_services.h"
#include "proxy/ws/frame_scanner.h"
#include "proxy/ws/violation.h"

namespace hawser::session {

enum class Content : uint8_t {
  kFrames,
  kDeflatedFrames,  // permessage-deflate was negotiated: RSV1 has a meaning
  kBytes,           // nothing is inspected
};

struct Direction {
  enum class Event : uint8_t {
    kNone,
    kClose,        // the peer's close frame was forwarded
    kViolation,    // the peer broke a rule of RFC 6455 or a limit: nothing more of it is forwarded
    kUndecodable,  // its stream cannot decode what it sent: likewise
    kPaused,       // its rate is spent: what came beyond it waits
    kHeld,         // the share of this turn is spent: likewise
  };
  struct Step {
    net::IoState state = net::IoState::kOk;  // of the peer's stream, as Read has it
    Event event = Event::kNone;
    ws::Violation violation = ws::Violation::kNone;
    http::Reject reject = http::Reject::kNone;  // of what is undecodable
    uint16_t close_code = 0;                    // of the close frame
  };

  WorkerServices& services;
  Sides& sides;
  const config::WebSocket& settings;
  const Ending& ending;  // for the close frame that may be put in
  base::TimePoint& last_message;
  Pace* pace;  // null: no rates
  Peer from;
  Content content;

  // One read, and what follows from it. The peer has not ended, and the other one is not blocked unless
  // nothing is forwarded.
  Step Read();

  // As if `bytes` had just been read, behind what was carried over. Does not count them.
  Step Forward(std::span<const std::byte> bytes);

  // Bytes were received.
  void Count(size_t bytes);

 private:
  struct ForwardState;

  Side& source() { return sides.Of(from); }
  Peer to() const { return Other(from); }

  ws::ScanRules Rules() const;
  uint64_t FramesAllowed(size_t bytes) const;
  std::optional<Step> ReadBySplice();
  bool ForwardNext(ForwardState& state);
  void ForwardControlFrame(ForwardState& state, const ws::Scan& scan);
  bool OnPong(std::span<const std::byte> payload);
  void SpendMessages(ForwardState& state, uint64_t messages);
  void CountMessages(uint64_t before);
  Step Pause(const Meter& spent);
  Step Violated(ws::Violation violation);
  void Send(std::span<const std::byte> bytes) { sides.Send(to(), bytes, services); }
  void Inject() { sides.Inject(to(), ending.text(), services); }
};

}  // namespace hawser::session
