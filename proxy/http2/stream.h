// The ByteStream of one HTTP/2 stream: DATA in both directions (RFC 9113 §5), with flow control as
// back-pressure. A plain response, a request body and a WebSocket's bytes (RFC 8441) are all of this kind;
// ServerStream and ClientStream, which are made over it, handle the heads.
//
// Received bytes wait in pooled slabs until they are read, at most a stream window of them: the window is
// given back as they are read. Write copies from the caller's span into frames as far as windows and
// transport allow, and holds nothing. A quiet stream is this struct and nghttp2's (about 230 bytes).
//
// Owned by whoever relays it. It leaves its session when it is closed, and is closed when its session is
// destroyed. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/loop.h"
#include "proxy/http2/received_head.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"

namespace hawser::http2 {

class SentHead;
class Session;

// A stream's places in its session's lists (stream_queues.h).
struct LiveLink : base::ListLink {};
struct ReadyLink : base::ListLink {};
struct WaitLink : base::ListLink {};

class Stream final : public net::ByteStream, public LiveLink, public ReadyLink, public WaitLink {
 public:
  // `id` 0: a request that is still to be sent.
  Stream(Session& session, int32_t id);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // --- ByteStream ---
  void Watch(event::IoHandler* handler, uint8_t tag) override;
  void Want(event::Interest interest) override;
  net::IoResult Read(std::span<std::byte> into) override;
  net::IoResult Write(std::span<const std::byte> bytes) override;
  void ShutdownWrite() override;  // END_STREAM
  net::IoResult WriteLast(std::span<const std::byte> bytes) override;
  // Resets the stream unless both directions have ended. kOrderly: NO_ERROR from a server that has ended its
  // direction, CANCEL else; an open tunnel's direction is ended first. kAbort: CANCEL, or INTERNAL_ERROR for
  // a response cut short.
  void Close(net::CloseReason reason) override;
  bool Delivering(base::Duration within) const override;
  // Of the connection: a stream waits for others' bytes too. A window of its own that stays closed is judged
  // by the session (stall_timeout).
  uint32_t TakenMark() const override;
  // Of the connection, whose socket all its streams share.
  void LimitUnsent(size_t bytes) override;

  // A server's answer has ended, and the client's body has not. Close would reset the stream in the same
  // flight as the answer, which some clients (curl 7.88) then lose.
  bool answered_early() const;
  // Gives such a stream to its session instead: Session::DropRest.
  static void DropRest(std::unique_ptr<Stream> stream);

  // --- For ServerStream and ClientStream ---

  // The head; `ends`: nothing follows it. False: nothing was sent.
  bool SubmitRequest(const SentHead& head, bool ends);
  bool SubmitInterim(const SentHead& head);
  bool SubmitResponse(const SentHead& head, bool ends);
  void EndWithTrailers(const SentHead& trailers);
  void BecomeTunnel() { tunnel_ = true; }

  // The next head that was received; null: none yet.
  std::unique_ptr<ReceivedHead> TakeHead();
  // Behind the body; null: none.
  std::unique_ptr<ReceivedHead> TakeTrailers() { return std::move(trailers_); }

  // Nothing is left to read, and no trailers follow.
  bool complete() const { return reading_ == Side::kEnded && received_.empty() && trailers_ == nullptr; }

  // Marks what has come so far as known to the owner, so that it is called only for more. Returns the bytes
  // that wait.
  size_t MarkReported();

  // By the peer, or with the connection.
  bool reset() const { return reading_ == Side::kReset || writing_ == Side::kReset; }
  // The receiving direction was reset; bytes that came before may still be read.
  bool cut() const { return reading_ == Side::kReset; }
  bool received_end() const { return reading_ == Side::kEnded; }
  bool sent_end() const { return writing_ == Side::kEnded; }
  // After reset(): the peer has surely not acted on the request (RFC 9113 §8.7), or has not received it.
  bool unprocessed() const { return unprocessed_; }
  bool dropped() const { return reading_ == Side::kDropped; }
  int32_t id() const { return id_; }

 private:
  friend class Session;
  friend class StreamQueues;
  friend class DroppedBodies;
  friend struct Callbacks;

  enum class Side : uint8_t {
    kOpen,
    kEnding,  // writing only: END_STREAM waits for a window
    kEnded,   // END_STREAM has come, or has been sent
    kReset,
    kDropped,  // reading only: the answer has ended, more bytes are dropped, and the session owns the stream
  };

  net::IoResult Put(std::span<const std::byte> bytes, bool last);
  uint32_t ResetCode(net::CloseReason reason) const;
  // The events to call the owner with now.
  event::Ready Pending() const;
  bool HasPending() const;
  void CallOwner();  // if there is something to hear
  // The owner is called in this turn or the next, or the stream waits until it can write.
  void NotifyOwner();
  void CancelSoon();
  // The session is gone, or the stream is closed there: no more frames. Directions that had not ended fail,
  // behind what has been received.
  void OnClosed(bool unprocessed);

  event::Loop& loop_;
  Session* session_;  // null once it is gone, or this stream is closed by its owner
  event::IoHandler* handler_ = nullptr;
  std::span<const std::byte> offered_;  // by Write; empty between calls
  bool offered_last_ = false;           // END_STREAM goes with the last of these
  net::Buffer received_;
  size_t received_bytes_ = 0;  // in received_
  size_t reported_bytes_ = 0;  // of these, those that the owner knows of
  std::vector<std::unique_ptr<ReceivedHead>> heads_;
  std::unique_ptr<ReceivedHead> decoding_;  // a head or trailers whose block has not ended
  std::unique_ptr<ReceivedHead> trailers_;
  base::TimePoint waiting_since_;  // for the peer's window; while in the session's list
  uint64_t head_begin_ = 0;        // of the request among the bytes that the session has ever made
  int32_t id_;
  uint8_t tag_ = 0;
  event::Interest wanted_;
  Side reading_ = Side::kOpen;
  Side writing_ = Side::kOpen;
  bool started_ = false;  // a final head has been sent: DATA may follow
  bool closed_ = false;   // nghttp2 does not know the stream any more
  bool tunnel_ = false;
  bool unprocessed_ = false;
  bool reported_end_ = false;  // the owner knows that nothing more comes
  bool final_head_ = false;    // received; what comes next is trailers
  bool end_read_ = false;      // Read has returned kEnd or kError
};

}  // namespace hawser::http2
