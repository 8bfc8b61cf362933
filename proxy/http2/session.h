// One HTTP/2 connection (RFC 9113) in either role, over a transport that it owns. nghttp2 does frames, HPACK
// and flow control. Its callbacks (callbacks.cc) note what has come in the streams and queues of this
// session; when the library has returned, the owners of the streams are called. Nobody is ever called from
// inside the library.
//
//   Session session(Role::kServer, settings, loop, pool, std::move(transport));
//   session.Watch(this, kSessionTag);    // OnReady: streams to accept, or a change of what is asked below
//   while (auto arrival = session.Accept()) {...}
//
//   Session session(Role::kClient, ...);       // to a backend; requests may be sent at once
//   session.settings_received()          // extended_connect() and free_slots() say what the peer allows
//   if (session.free_slots() > 0) std::unique_ptr<http::ClientStream> stream = session.Open();
//
// The session calls owners directly while it handles its transport, and through Loop::Soon otherwise. What
// the streams send in one turn of the loop leaves in one write. Streams may outlive the session. The session
// must outlive the turn in which it calls its owner or theirs: give it to Loop::Retire.
//
// A connection without streams holds no buffer of ours. It holds this struct and nghttp2's: its session (2
// kB), a frame buffer of 16 KiB whose pages are touched only as far as head blocks are long, and the two
// HPACK tables, at most 4 KiB of fields each (RFC 7541 §4.2). Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/read_size.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/http2/abuse.h"
#include "proxy/http2/client_stream.h"
#include "proxy/http2/dropped_bodies.h"
#include "proxy/http2/frame_splitter.h"
#include "proxy/http2/output.h"
#include "proxy/http2/server_stream.h"
#include "proxy/http2/settings.h"
#include "proxy/http2/stream.h"
#include "proxy/http2/stream_queues.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"

struct nghttp2_session;

namespace hawser::http2 {

// What a client sends first (RFC 9113 §3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class End : uint8_t {
  kNone,
  kDrained,   // after a GOAWAY, when the last stream had ended
  kPeer,      // the peer ended the connection
  kBroken,    // the transport did
  kProtocol,  // the peer broke HTTP/2's rules, or reports that hawser did
  kAbuse,     // the peer went over a budget: see abuse()
  kClosed,    // by Close
};

struct Counts {
  uint64_t streams = 0;          // opened
  uint64_t refused_streams = 0;  // above max_concurrent_streams: REFUSED_STREAM
  uint64_t resets_received = 0;
  uint64_t resets_sent = 0;
  uint64_t stalled_streams = 0;  // reset by stall_timeout
  uint64_t goaways_sent = 0;     // notices not counted
};

class Session final : public event::IoHandler {
 public:
  // Sends SETTINGS at once. `loop` and `pool` outlive its streams.
  Session(Role role, const Settings& settings, event::Loop& loop, net::BufferPool& pool,
          std::unique_ptr<net::ByteStream> transport);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Watch(event::IoHandler* owner, uint8_t tag) {
    owner_ = owner;
    owner_tag_ = tag;
    if (owner_pending_) RunTurnSoon();
  }
  void OnReady(event::Ready ready) override;

  // Bytes of the peer's that were read before the session was made.
  void Feed(std::span<const std::byte> bytes);

  // --- Server ---
  struct Arrival {
    std::unique_ptr<ServerStream> stream;
    http::RequestHead head;                     // views that live as long as `stream`
    http::Reject reject = http::Reject::kNone;  // what is wrong with it: to be answered on `stream`
  };
  // The next request; streams that have been reset since they came are left out.
  std::optional<Arrival> Accept();

  // --- Client ---
  // Requests that may be sent now. 0 after a GOAWAY.
  uint32_t free_slots() const;
  // Takes a slot, until the stream is destroyed; null if there is none.
  std::unique_ptr<ClientStream> Open();
  bool settings_received() const { return settings_received_; }
  // Whether the peer takes WebSockets (RFC 8441 §3); known once settings_received().
  bool extended_connect() const;

  // --- Both ---
  // Streams whose head is complete and whose owners still hold them.
  uint32_t streams() const { return streams_.count() - (arriving_ != nullptr ? 1 : 0); }
  // As FrameSplitter has it.
  base::TimePoint block_begun() const { return input_.block_begun(); }
  bool going_away() const { return leaving_ != Leaving::kNot; }
  End end() const { return end_; }
  Abuse abuse() const {  // after End::kAbuse
    HAWSER_DCHECK(end_ == End::kAbuse);
    return abuse_;
  }
  std::string_view error() const { return error_text_; }  // for the log, after an end
  // Of the peer, as net::ByteStream has it.
  std::optional<base::Duration> HostSilence() const {
    return transport_ != nullptr ? transport_->HostSilence() : std::nullopt;
  }
  // Since the last call.
  Counts TakeCounts() { return std::exchange(counts_, {}); }

  // Tells the peer to open no new streams (GOAWAY, RFC 9113 §6.8). A server first sends a notice, and the
  // last GOAWAY when the peer has read the notice. The session ends with its last stream. Idempotent.
  void GoAway();
  // Ends everything at once: GOAWAY is sent if the transport takes it, and the streams fail.
  void Close(net::CloseReason reason);
  // After an end: the transport, all of whose output is written or lost; null once taken.
  std::unique_ptr<net::ByteStream> TakeTransport() {
    HAWSER_DCHECK(end_ != End::kNone);
    return std::move(transport_);
  }

 private:
  friend class Stream;
  friend struct Callbacks;

  enum Tag : uint8_t { kTransportTag = 0, kTurnTag = 1, kTimerTag = 2 };

  // How far the session is in ending (RFC 9113 §6.8). The state only moves down this list.
  enum class Leaving : uint8_t {
    kNot,
    kPeer,        // the peer has sent GOAWAY
    kNotice,      // our notice is sent: a GOAWAY that still lets every stream in, and a PING behind it
    kNoticeRead,  // that PING is acknowledged: the last GOAWAY may be sent
    kLast,        // our last GOAWAY is sent; the session ends with its last stream
    kError,       // a GOAWAY with an error code is sent
  };

  // --- Called by streams ---

  // Puts a prefix of `bytes` into DATA frames; returns its size. `last`: END_STREAM goes with the end of
  // them.
  size_t Send(Stream& stream, std::span<const std::byte> bytes, bool last);
  // Moves the frames that nghttp2 has queued into the output, which leaves when the turn is over.
  void SendSoon() {
    CollectFrames();
    RunTurnSoon();
  }
  // The stream wants to write and cannot.
  void AddWaiter(Stream& stream);
  void AddReady(Stream& stream);
  bool CanWrite(const Stream& stream) const;
  // Whether the transport has taken the head of that request; FlushHead gives it the head.
  bool HeadHasLeft(const Stream& stream) const { return output_.left() > stream.head_begin_; }
  bool FlushHead(const Stream& stream);
  void Reset(Stream& stream, uint32_t code);
  void Release(Stream& stream);
  // Takes a stream that was answered ahead of its request's end: see DroppedBodies.
  void DropRest(std::unique_ptr<Stream> stream);
  // Sends a PING once the window is spent, to learn whether the peer has read the answer.
  void AskIfSpent(const Stream& stream);
  void ReturnCredit(const Stream& stream, size_t bytes);

  // --- Input ---
  void Receive();
  // Takes some of `bytes`; returns an error of nghttp2's, or 0.
  int FeedPart(std::span<const std::byte>& bytes);
  void OnLibraryError(int code);
  void EndForAbuse(Abuse abuse);

  // --- Output ---
  void CollectFrames();
  void Flush();
  // Bytes that streams may send now, as far as their windows are open.
  size_t room() const { return end_ == End::kNone ? output_.room() : 0; }
  void AppendGoAway(uint32_t code, std::string_view text);

  // --- The turn ---
  void RunTurn();
  void NotifyOwner();
  void RunTurnSoon();
  void CheckEnd();
  void Finish(End end);

  // --- Time ---
  void OnTimer();
  void ArmTimer();
  // Its notice is sent, and the last GOAWAY is not.
  bool owes_last_goaway() const { return leaving_ == Leaving::kNotice || leaving_ == Leaving::kNoticeRead; }
  void SendLastGoAway();

  const Role role_;
  const Settings settings_;
  event::Loop& loop_;
  net::BufferPool& pool_;
  std::unique_ptr<net::ByteStream> transport_;
  nghttp2_session* library_ = nullptr;
  event::IoHandler* owner_ = nullptr;
  event::Timer timer_;

  StreamQueues streams_;
  DroppedBodies dropped_;
  std::unique_ptr<Stream> arriving_;              // a request whose head has not ended
  std::vector<std::unique_ptr<Stream>> arrived_;  // requests that the owner has not accepted
  FrameSplitter input_;
  Output output_;
  event::ReadSize read_size_;
  size_t credit_ = 0;                // of the connection's window, to give back
  base::TimePoint goaway_deadline_;  // for the last GOAWAY; meaningful while it is due
  Budgets budgets_;
  Counts counts_;
  std::optional<Abuse> violation_;  // set in a callback, handled after nghttp2 returns
  std::string_view error_text_;
  int32_t last_opened_ = 0;  // stream, by the peer or, where that is a backend, by us
  int32_t last_reset_ = 0;   // the highest stream that we have reset
  int32_t resetting_ = 0;    // the stream that is being reset by its owner, while it is
  uint8_t owner_tag_ = 0;
  Leaving leaving_ = Leaving::kNot;
  End end_ = End::kNone;
  Abuse abuse_ = Abuse::kCount;
  bool in_turn_ = false;
  bool turn_asked_ = false;     // of the loop, by RunTurnSoon
  bool owner_pending_ = false;  // the owner is to be called
  bool settings_received_ = false;
  bool closed_stream_used_ = false;  // set in a callback, handled after nghttp2 returns
};

}  // namespace hawser::http2
