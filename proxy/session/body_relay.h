// One direction of a message body: reads payload from the stream that receives it and writes it to the stream
// that sends it, then the trailers and the end. How each protocol frames it is the streams' matter. Nothing
// is read while something waits to be sent.
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

  // Called with each piece of the body before it is written to the sink.
  using Look = absl::FunctionRef<void(std::span<const std::byte>)>;
  // Called once, after the first read of the source that has not failed, and before anything is written to
  // the sink. False: the sink is broken.
  using Begin = absl::FunctionRef<bool()>;

  // Moves what can be moved, including a head that the sink still holds.
  Progress Pump(
      WorkerServices& services, http::MessageStream& source, http::MessageStream& sink,
      Begin begin = [] { return true; }, Look look = [](std::span<const std::byte>) {});

  // The sink takes no more, and need not: the rest of the body is not read.
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
