// A WebSocket from the 101 to its last byte: scans frames in place and forwards them unchanged, in both
// directions, and inserts pings and close frames where the outgoing bytes stand between two frames (RFC 6455
// §5.4, §5.5, §7).
//
// Each peer has a Side; the same code serves client and backend. A side is read only while the other can take
// the bytes, so at most one read per direction is held. Bytes that cannot be checked yet (an unfinished
// header or control frame, at most 139) are carried over by their side and not sent.
//
// Sides hold the states of each peer's directions, and a Direction forwards the bytes of one read. The tunnel
// decides which frames each peer gets, in which order, and when.
//
// Owned by the lists of `Sessions` from Start until it retires itself (Retire); loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "filters/attachments.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/cluster/health.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/reject.h"
#include "proxy/net/byte_stream.h"
#include "proxy/session/direction.h"
#include "proxy/session/edge_leases.h"
#include "proxy/session/ending.h"
#include "proxy/session/pace.h"
#include "proxy/session/peer.h"
#include "proxy/session/record.h"
#include "proxy/session/sides.h"
#include "proxy/session/worker_services.h"
#include "proxy/ws/violation.h"

namespace hawser::session {

class Tunnel final : public event::IoHandler, public base::ListLink {
 public:
  struct Parts {
    std::unique_ptr<net::ByteStream> client;
    std::unique_ptr<net::ByteStream> backend;
    RequestRecord* record = nullptr;  // its values move into the tunnel
    EdgeLeases leases;                // empty where the client's connection outlives the tunnel (HTTP/2)
    // For how long the backend's host may be silent while bytes are under way to it; 0: not checked.
    base::Duration longest_silence{0};
    filters::Attachments attachments;               // what the route's filters hold
    bool deflate = false;                           // permessage-deflate was negotiated: RSV1 has a meaning
    std::span<const std::byte> early_from_client;   // came ahead of the 101
    std::span<const std::byte> early_from_backend;  // came behind the 101
  };

  // Opens the tunnel; the 101 has already been given to parts.client.
  // It may have ended at once; it is destroyed at the end of the turn at the earliest.
  static Tunnel& Start(WorkerServices& services, Parts parts);

  explicit Tunnel(WorkerServices& services, Parts parts);
  ~Tunnel() override;
  void OnReady(event::Ready ready) override;

  // Begins the close handshake with both peers, for a reason of hawser's own (drained, too old, ...); does
  // nothing if it is closing already. The client is sent `code`, or the reason's own; the backend 1001.
  void End(http::Reject reason) { End(reason, http::SpecOf(reason).close_code); }
  void End(http::Reject reason, uint16_t code);
  // Ends at once; close frames are sent without waiting, with the codes of End.
  void Abort(http::Reject reason, uint16_t code);

  const RequestRecord& record() const { return record_; }
  const Sides& sides() const { return sides_; }
  Traffic traffic() const { return sides_.traffic(); }
  bool open() const { return state_ == State::kOpen; }  // not closing yet
  std::string_view state_name() const { return kStateNames[static_cast<size_t>(state_)]; }
  // Its place among the worker's tunnels; set once, by Sessions.
  uint32_t slot() const { return slot_; }
  void set_slot(uint32_t slot) { slot_ = slot; }
  // Of either peer; before the first, when it opened. Without inspection, of their bytes.
  base::TimePoint last_message() const { return last_message_; }
  base::Duration age() const { return base::Between(record_.start, services_.loop.now()); }

 private:
  static constexpr uint8_t kTimerTag = 2;  // the tags before it are those of Peer
  static constexpr uint8_t kHeldTag = 3;   // and one more, of bytes that a Side holds

  enum class State : uint8_t {
    kOpen,     // messages flow
    kClosing,  // a close frame or an end has been seen or decided on; close_timeout runs
    kClosed,   // both streams are closed, the record is written, the object retires
  };
  static constexpr std::string_view kStateNames[] = {"open", "closing", "closed"};

  Side& side(Peer peer) { return sides_.Of(peer); }
  const Side& side(Peer peer) const { return sides_.Of(peer); }
  const config::WebSocket& settings() const { return record_.route->settings.websocket; }
  // Frames are not parsed: bytes and ends are passed on.
  bool is_pipe() const { return content_ == Content::kBytes; }

  // Receiving.
  bool MayReceive(Peer from) const;
  bool MayRead(Peer from) const { return MayReceive(from) && !side(from).holds(); }
  void Receive(Peer from);
  void Forward(Peer from, std::span<const std::byte> bytes);
  void ForwardHeld(Peer from);
  Pace* PaceOf(Peer from) const;  // null: nothing is limited, or no longer
  void Resume(Peer from);
  Direction DirectionFrom(Peer from);

  // What comes of it.
  void OnStep(Peer from, const Direction::Step& step);
  void OnBrokenRule(Peer from, http::Reject reason);
  void OnReadStop(Peer from, net::IoState state);
  void OnEnd(Peer from, net::IoState how);
  void OnPipeEnd(Peer from, net::IoState how);
  uint16_t CodeOfLoss(Peer lost) const;

  // Ending.
  void BeginClosing(ClosedBy closed_by, http::Reject reason, uint16_t code);
  void TellHealth();
  void CloseTowards(Peer to, uint16_t code);
  void Settle();
  void EndStream(Peer peer);
  void CloseStream(Peer peer, net::CloseReason reason);
  void Retire();

  // Time.
  void OnTimer();
  void OnClosingTimer();
  void CheckKeepalive(Peer peer, base::Duration early);
  void OnBlocked(Peer peer);
  void CheckStall(Peer peer);
  void EndStalled(Peer peer);
  base::TimePoint ProvenAt() const { return record_.opened() + cluster::Health::kProvenAfter; }
  base::Duration LongestSilence() const { return base::Duration(longest_silence_); }
  void ArmTimer();

  WorkerServices& services_;
  RequestRecord record_;
  EdgeLeases leases_;
  filters::Attachments attachments_;
  event::Timer timer_;
  base::TimePoint last_message_;
  // Of max_connection_duration, max() if there is none; once closing, of close_timeout.
  base::TimePoint expiry_;
  Sides sides_;
  std::unique_ptr<Paces> paces_;  // null: the route has no rates
  Ending ending_;
  State state_ = State::kOpen;
  Content content_ : 7;
  bool unproven_ : 1;  // tunnels of its endpoint have failed, and it is not old enough to say more
  uint32_t slot_ = 0;
  const uint32_t longest_silence_;  // of the backend's host, milliseconds; 0: not checked
};

}  // namespace hawser::session
