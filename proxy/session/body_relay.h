// One direction of a message body: from the stream that it comes in on, decoded, framed anew, to the stream that it
// leaves by. Nothing is read while something waits to be sent.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/http1/body.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/session/environment.h"

namespace hawser::session {

class BodyRelay {
 public:
  enum class Progress : uint8_t { kMore, kDone, kSourceBroken, kSinkBroken };

  // `chunked` says how the body leaves: chunk-encoded, or as its bare bytes.
  BodyRelay(http1::Framing framing, bool chunked) : decoder_(framing), chunked_(chunked) {}

  // Moves what can be moved. `ahead` holds bytes that were read from the source before; what lies behind the end of the
  // body is left in it.
  Progress Pump(Environment& environment, std::string& ahead, net::ByteStream& source, net::ByteStream& sink);

  // Queues `bytes` (a head) before the body.
  void Prepend(Environment& environment, std::string_view bytes);

  bool done() const { return received_ && !blocked_; }
  bool wants_read() const { return !received_ && !blocked_; }
  bool wants_write() const { return blocked_; }
  uint64_t bytes() const { return bytes_; }  // of payload, so far

 private:
  // Decodes into `out`; returns false for a malformed body.
  bool Decode(std::string& ahead, std::string& out);
  bool Send(Environment& environment, net::ByteStream& sink, std::string_view bytes);
  bool Flush(net::ByteStream& sink);

  http1::BodyDecoder decoder_;
  net::Buffer backlog_;
  uint64_t bytes_ = 0;
  const bool chunked_;
  bool received_ = false;  // the body's end has been decoded
  bool blocked_ = false;   // the sink takes no more for now
};

}  // namespace hawser::session
