// A WebSocket from the 101 to its last byte: frames scanned in place and forwarded as they came, in both directions,
// with pings and closes put in where the outgoing bytes stand between two frames (RFC 6455 §5.4, §5.5, §7).
//
// Each peer has a Side; whatever is done for the client is done for the backend by the same code. A side is read only
// while the other can take what is read, so that at most one read of each direction is ever held. Bytes that cannot be
// judged yet (an unfinished header or control frame, at most 139) wait in the side's carry and nothing of them is sent.
//
// Owned by the lists of `Sessions` from Start until it retires itself (Finish); loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "filters/attachments.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/reject.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/remainder.h"
#include "proxy/session/edge_leases.h"
#include "proxy/session/pace.h"
#include "proxy/session/record.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"
#include "proxy/ws/frame.h"
#include "proxy/ws/frame_scanner.h"
#include "proxy/ws/keepalive.h"

namespace hawser::session {

class Tunnel final : public event::IoHandler, public base::ListLink {
 public:
  struct Parts {
    std::unique_ptr<net::ByteStream> client;
    std::unique_ptr<net::ByteStream> backend;
    std::shared_ptr<const Snapshot> snapshot;
    std::unique_ptr<RequestRecord> record;
    EdgeLeases leases;  // empty where the client's connection outlives the tunnel (HTTP/2)
    cluster::OpenLease endpoint_lease;
    filters::Attachments attachments;                   // what the route's filters hold
    bool deflate = false;                           // permessage-deflate was agreed on: RSV1 has a meaning
    std::span<const std::byte> early_from_client;   // came ahead of the 101
    std::span<const std::byte> early_from_backend;  // came behind the 101
  };

  // Opens the tunnel; the 101 has already been given to parts.client.
  static void Start(WorkerServices& services, Parts parts);

  explicit Tunnel(WorkerServices& services, Parts parts);
  ~Tunnel() override;
  void OnReady(event::Ready ready) override;

  // Begins the close handshake with both peers, for a reason of hawser's own (drained, too old, ...).
  void End(http::Reject reason);
  // Ends at once, close frames sent as far as the sockets take them.
  void Abort(http::Reject reason);

  const RequestRecord& record() const { return record_; }
  Traffic traffic() const;
  std::string_view state_name() const;
  base::Duration age() const;

 private:
  enum Peer : uint8_t { kClient = 0, kBackend = 1 };
  static constexpr uint8_t kTimerTag = 2;

  enum class State : uint8_t {
    kOpen,     // messages flow
    kClosing,  // a close frame or an end has been seen or decided on; close_timeout runs
    kClosed,   // both streams are closed, the record is written, the object retires
  };

  enum class Content : uint8_t {
    kFrames,
    kDeflatedFrames,  // permessage-deflate was agreed on: RSV1 has a meaning
    kBytes,           // nothing is inspected
  };

  struct Side {
    std::unique_ptr<net::ByteStream> stream;
    net::Buffer backlog;       // waits to be sent to this peer
    net::Remainder carry;      // the start of a frame from this peer whose rest has not come
    ws::FrameScanner scanner;  // over what this peer sends
    ws::Keepalive keepalive;   // of this peer
    uint64_t bytes = 0;        // received from this peer
    uint16_t close_due = 0;    // a close frame with this code goes out at the next boundary; 0: none
    bool ping_due = false;     // likewise a ping
    bool blocked = false;      // the stream takes no more for now; backlog may wait
    bool broken = false;       // a write failed; what the peer sent before may still be read
    bool sealed = false;       // nothing more is sent to this peer: a close frame was, or it is gone
    bool deaf = false;    // what this peer still sends is dropped: its close frame came, or it broke a rule
    bool parted = false;  // its close frame came, and one goes to it
    bool ended = false;   // this peer's direction has ended (FIN, reset)
    bool shut = false;    // ours has, or is to once this peer was given time to go first
    bool closed = false;  // the stream is closed
    uint32_t arrived =
        0;  // of `bytes`, modulo 2^32: those that surely are at the other's host, or go no further
  };

  // How far Forward has come through what was read.
  struct Passage {
    Peer from;
    std::span<const std::byte> bytes;
    ws::ScanRules rules;
    Pace* pace;  // null: no rates
    size_t scanned = 0;
    size_t sent = 0;  // bytes before this were sent or dropped
  };

  static Peer Other(Peer peer) { return peer == kClient ? kBackend : kClient; }
  Side& side(Peer peer) { return sides_[peer]; }
  const config::WebSocket& settings() const { return record_.route->settings.websocket; }
  // Nothing is known of frames: whatever comes is passed on, and ends as TCP ends.
  bool is_pipe() const { return content_ == Content::kBytes; }
  ws::ScanRules RulesFor(Peer from) const;

  // Receiving.
  void Receive(Peer from);
  bool MayReceive(Peer from) const;
  void Count(Peer from, size_t bytes);
  void CountMessages(Peer from, uint64_t before);
  void Forward(Peer from, std::span<const std::byte> bytes);
  bool Advance(Passage& passage);
  void PassControlFrame(Passage& passage, const ws::Scan& scan);
  void SendScanned(Passage& passage);
  static std::span<const std::byte> TakeScanned(Passage& passage);
  void SpendMessages(Passage& passage, uint64_t messages);
  void Relay(Peer from, std::span<const std::byte> bytes);
  std::optional<net::IoState> Splice(Peer from);
  bool OnControlFrame(Peer from, const ws::FrameHeader& header, std::span<const std::byte> frame);
  bool TakePong(Peer from, std::span<const std::byte> payload);
  void OnViolation(Peer from, ws::Violation violation);
  void OnBrokenRule(Peer from, http::Reject reason);
  uint16_t CodeOfLoss(Peer lost) const;
  void OnReadStop(Peer from, net::IoState state);
  void OnEnd(Peer from, net::IoState how);
  void OnPipeEnd(Peer from, net::IoState how);

  // Rates.
  Pace* PaceOf(Peer from) const;  // null: nothing is limited, or no longer
  void Pause(Peer from, const Meter& spent);
  void ForwardHeld(Peer from);
  void Resume(Peer from);

  // Sending.
  void Send(Peer to, std::span<const std::byte> bytes);
  void SendLast(Peer to, std::span<const std::byte> bytes);
  void OnWritten(Peer to, std::span<const std::byte> bytes, net::IoResult put);
  void SendPiped(Peer to);
  void Block(Peer to);
  void Flush(Peer to);
  void OnWriteError(Peer to);
  bool AtBoundaryTowards(Peer to) const { return sides_[Other(to)].scanner.AtBoundary(); }
  bool HasInjection(Peer to) const { return sides_[to].ping_due || sides_[to].close_due != 0; }
  void Inject(Peer to);
  void Ping(Peer to);
  void CloseTowards(Peer to, uint16_t code);
  void EndWithoutCloseFrame(Peer to);

  // Ending.
  void BeginClosing(ClosedBy closed_by, http::Reject reason, uint16_t code);
  uint16_t Answer() const;
  void Settle();
  bool ServerEndsFirst(Peer peer) const { return peer == kBackend && sides_[peer].parted; }
  void ShutStream(Peer peer);
  void CloseStream(Peer peer, net::CloseReason reason);
  void Finish();

  // Time.
  void OnTimer();
  void OnCloseTimeout(Peer peer);
  void CheckKeepalive(Peer peer, base::Duration early);
  base::Duration LongestSilence() const;
  bool MayBeUnderWay() const;
  void CheckBackendHost();
  void ArmTimer();

  WorkerServices& services_;
  std::shared_ptr<const Snapshot> snapshot_;
  RequestRecord record_;
  EdgeLeases leases_;
  cluster::OpenLease endpoint_lease_;
  filters::Attachments attachments_;
  event::Timer timer_;
  base::TimePoint last_message_;
  base::TimePoint
      expiry_;  // of max_connection_duration, max() if there is none; once closing, of close_timeout
  std::array<Side, 2> sides_;
  std::unique_ptr<Paces> paces_;  // null: the route has no rates
  uint16_t close_code_ = 1006;
  State state_ = State::kOpen;
  ClosedBy closed_by_ = ClosedBy::kNobody;
  http::Reject reason_ = http::Reject::kNone;
  ws::Violation violation_ = ws::Violation::kNone;  // the one that ended it
  Peer offender_ = kClient;                         // who broke it, if any was
  Content content_;
};

}  // namespace hawser::session
