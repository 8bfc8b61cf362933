// One direction of a message body: payload from the stream that it comes in on to the stream that it leaves by, whatever
// frames it on either side, then the trailers and the end. Nothing is read while something waits to be sent.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "absl/functional/function_ref.h"
#include "proxy/http/message_stream.h"
#include "proxy/net/outbox.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class BodyRelay {
 public:
  enum class Progress : uint8_t { kMore, kDone, kSourceBroken, kSinkBroken };

  // Is shown each piece of the body before it goes into the sink.
  using Look = absl::FunctionRef<void(std::span<const std::byte>)>;
  // Is called once, when the source has been looked at and is not broken, ahead of all that goes into the sink. False: the
  // sink is.
  using Begin = absl::FunctionRef<bool()>;

  // Moves what can be moved, a head that the sink still holds included.
  Progress Pump(
      WorkerServices& services, http::MessageStream& source, http::MessageStream& sink,
      Begin begin = [] { return true; }, Look look = [](std::span<const std::byte>) {});

  // The sink takes no more, and need not: what is left of the body is nobody's.
  void Abandon();

  bool done() const { return ended_ && !outbox_.blocked(); }
  bool wants_read() const { return !ended_ && !outbox_.blocked(); }
  bool wants_write() const { return outbox_.blocked(); }
  uint64_t bytes() const { return bytes_; }  // of payload, so far
  // Whether anything has moved, into it or out of it, since this was asked last.
  bool TakeMoved() { return std::exchange(moved_, false); }

 private:
  bool Send(WorkerServices& services, http::MessageStream& sink, std::span<const std::byte> bytes, bool last);
  bool Flush(http::MessageStream& sink);

  net::Outbox outbox_;  // towards the sink; read only while it is not blocked
  uint64_t bytes_ = 0;
  bool begun_ = false;  // `begin` has been called
  bool moved_ = false;
  bool ended_ = false;  // the body's end has been read, and passed on
};

}  // namespace hawser::session
