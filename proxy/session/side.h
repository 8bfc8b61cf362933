// One peer of a tunnel: its stream, the state of each of its two directions, and the bytes that wait in them.
// Bytes from the peer are read and counted here and checked by this side's scanner; bytes to the peer are
// written, or wait in the backlog. Ends follow RFC 6455 §5.5.1 and §7.1.1.
//
// A side knows nothing of the other one and makes no decisions: the tunnel owns both and decides which frames
// each one gets, and when. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "proxy/event/read_size.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/outbox.h"
#include "proxy/net/remainder.h"
#include "proxy/session/peer.h"
#include "proxy/session/stall.h"
#include "proxy/ws/frame_scanner.h"
#include "proxy/ws/keepalive.h"

namespace hawser::session {

class Side {
 public:
  // The bytes from this peer. The state only moves down this list.
  enum class Incoming : uint8_t {
    kOpen,           // checked and forwarded
    kCloseReceived,  // its close frame came: later bytes are dropped until its end
    kDiscarding,     // it broke a rule, or will get no close frame to answer: likewise dropped
    kEnded,          // its end was read, or the stream is closed
  };

  // The bytes to this peer.
  enum class Outgoing : uint8_t {
    kOpen,  // written at once
    // The stream takes no more for now: new bytes join the backlog. Becomes kOpen when that is sent.
    kBlocked,
    kFinishing,  // no new bytes, but the backlog is not sent yet
    kFinished,   // no new bytes, and all were written
    kFinGrace,   // likewise; the backend is given time to end its direction first
    kShut,       // our direction has ended
    kBroken,     // a write failed: what the peer sent before may still be read
    kClosed,     // the stream is closed
  };

  // A frame that waits until the bytes to this peer end between two frames.
  enum class Due : uint8_t { kNothing, kPing, kClose };

  Side(Peer peer, std::unique_ptr<net::ByteStream> stream) : stream_(std::move(stream)), peer_(peer) {}

  Peer peer() const { return peer_; }
  Incoming incoming() const { return incoming_; }
  Outgoing outgoing() const { return outgoing_; }
  net::ByteStream& stream() { return *stream_; }
  const net::ByteStream& stream() const { return *stream_; }
  ws::FrameScanner& scanner() { return scanner_; }  // over what this peer sends
  const ws::FrameScanner& scanner() const { return scanner_; }
  ws::Keepalive& keepalive() { return keepalive_; }  // of this peer
  const ws::Keepalive& keepalive() const { return keepalive_; }

  // --- From this peer ---

  // What it sends is still forwarded.
  bool forwards() const { return incoming_ == Incoming::kOpen; }
  bool ended() const { return incoming_ == Incoming::kEnded; }

  struct ReadResult {
    std::span<const std::byte> bytes;  // what was carried over, and what was read behind it
    size_t read = 0;
    net::IoState state = net::IoState::kOk;
  };
  // Reads up to `most` bytes into `scratch`, behind the carried bytes. Not after the peer has ended.
  ReadResult Read(std::span<std::byte> scratch, size_t most);

  // Carries `bytes`, which cannot be checked yet, over to the next Read. If this peer is no longer forwarded,
  // drops them instead.
  void Carry(std::span<const std::byte> bytes) { forwards() ? carry_.Assign(bytes) : carry_.Clear(); }
  bool carries() const { return !carry_.empty(); }
  // Likewise for whole frames that may not be forwarded yet: their rate is spent, or the tunnel's share of
  // the turn. Nothing is read behind them until TakeHeld, which forwards them.
  void Hold(std::span<const std::byte> bytes) {
    Carry(bytes);
    holds_ = carries();
  }
  bool holds() const { return holds_; }
  net::Remainder TakeHeld() {
    holds_ = false;
    return std::exchange(carry_, {});
  }
  // Of its reads.
  event::ReadSize& read_size() { return read_size_; }

  // It sends more than is read at once: from now on its socket keeps about `most` bytes for us (0: no bound),
  // until kProven bytes in a row have been forwarded. After that it is the kernel's own, which serves fast
  // streams better, for good.
  static constexpr uint64_t kProven = 2 << 20;
  void OnFilledRead(size_t most) {
    if (unread_ == Unread::kFree || most == 0) return;
    if (unread_ == Unread::kFew) {
      unread_ = Unread::kLimited;
      stream_->LimitUnread(most);
    } else if ((pieces() - held_up_at_) % kPieces > kProven / kPiece) {
      unread_ = Unread::kFree;
      stream_->LimitUnread(0);
    }
  }
  // The other peer takes no more for now.
  void OnHeldUp() { held_up_at_ = pieces() % kPieces; }

  // Bytes were received from it, in whatever way.
  void Count(size_t bytes) { bytes_ += bytes; }
  uint64_t bytes() const { return bytes_; }

  // Its close frame was forwarded. Only while it is forwarded.
  void ReceivedClose();
  // Drops all further bytes from this peer.
  void Discard();
  // Its end has come.
  void End() { Become(Incoming::kEnded); }

  // Whether bytes that were received may still be on their way to the other peer's host.
  bool MayBeUnderWay() const { return arrived_ != static_cast<uint32_t>(bytes_); }
  // Of these, `bytes` have arrived, or go no further.
  void CountArrived(size_t bytes) { arrived_ += static_cast<uint32_t>(bytes); }
  void AllArrived() { arrived_ = static_cast<uint32_t>(bytes_); }

  // --- To this peer ---

  bool blocked() const { return outgoing_ == Outgoing::kBlocked || outgoing_ == Outgoing::kFinishing; }
  // Nothing more can be sent to it.
  bool finished() const { return outgoing_ >= Outgoing::kFinishing; }
  // Likewise, and no bytes wait.
  bool flushed() const { return outgoing_ >= Outgoing::kFinished; }
  bool closed() const { return outgoing_ == Outgoing::kClosed; }

  // Both return whether the stream has just begun to block.
  //
  // Writes `bytes`, or appends them to the backlog. When finished(), drops them.
  [[nodiscard]] bool Send(std::span<const std::byte> bytes, net::BufferPool& pool);
  // Likewise for the last bytes. If nothing is awaited from the peer either, the FIN goes in the same packet.
  [[nodiscard]] bool SendLast(std::span<const std::byte> bytes, net::BufferPool& pool);

  // For a stream that may still hold bytes, or was written to without Send: it is flushed before the next
  // write. Append bytes that it did not take to the returned Buffer. Only while kOpen.
  net::Buffer& Block();
  // Sends as much of the backlog as the stream takes.
  void Flush();
  // Of what waits.
  Stall& stall() { return stall_; }
  const Stall& stall() const { return stall_; }

  // No more bytes follow. A due frame is dropped.
  void Finish();
  // A write has failed, or would fail.
  void Break();

  // Whether this peer, a backend after both close frames, ends the connection first (RFC 6455 §7.1.1).
  bool EndsFirst() const { return peer_ == Peer::kBackend && incoming_ == Incoming::kCloseReceived; }
  // Waits for the backend's FIN before ShutdownWrite.
  void AwaitFin() { Become(Outgoing::kFinGrace); }
  // Ends our direction. All was sent.
  void ShutdownWrite();
  // Ends both directions at once. Idempotent.
  void Close(net::CloseReason reason);

  // --- Between two frames ---

  // A ping is to go to it. No close frame is due.
  void DuePing();
  // A close frame with this code is to go to it, instead of a ping that may be due. Not when finished().
  void DueClose(uint16_t code);
  Due due() const { return due_; }
  // Takes the due frame, which is sent now.
  Due TakeDue() { return std::exchange(due_, Due::kNothing); }
  uint16_t close_code() const { return close_code_; }

 private:
  // The bytes from this peer that wait in the kernel.
  enum class Unread : uint8_t {
    kFew,  // nothing was done about them
    kLimited,
    kFree,
  };

  static constexpr uint32_t kPiece = 64 * 1024;
  static constexpr uint32_t kPieces = 1 << 14;
  uint32_t pieces() const { return static_cast<uint32_t>(bytes_ / kPiece) % kPieces; }  // of bytes_

  void Become(Incoming next);
  void Become(Outgoing next);
  bool Hold(net::IoState state, Outgoing waiting);

  std::unique_ptr<net::ByteStream> stream_;
  net::Remainder carry_;  // waits for the next Read
  ws::FrameScanner scanner_;
  ws::Keepalive keepalive_;
  uint64_t bytes_ = 0;
  [[no_unique_address]] net::Outbox outbox_;
  const Peer peer_;
  Incoming incoming_ = Incoming::kOpen;
  Outgoing outgoing_ = Outgoing::kOpen;
  Due due_ = Due::kNothing;
  bool holds_ = false;  // what is carried is held
  uint16_t close_code_ = 0;
  event::ReadSize read_size_;
  uint16_t held_up_at_ : 14 = 0;  // pieces() at the last OnHeldUp
  Unread unread_ : 2 = Unread::kFew;
  uint32_t arrived_ = 0;  // of bytes_, modulo 2^32
  Stall stall_;
};

// As the admin page shows them.
std::string_view NameOf(Side::Incoming incoming);
std::string_view NameOf(Side::Outgoing outgoing);

}  // namespace hawser::session
