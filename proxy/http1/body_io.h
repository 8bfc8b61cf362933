// The two directions of a message body on an HTTP/1 connection: a reader that removes the framing from
// payload (RFC 9112 §6, §7), and a writer that adds it. Parts of ServerStream and ClientStream, which own the
// transport.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/http/head.h"
#include "proxy/http1/body.h"
#include "proxy/net/byte_stream.h"

namespace hawser::http1 {

class BodyReader {
 public:
  void Begin(Framing framing, BodyLimits limits = {}) { decoder_ = BodyDecoder(framing, limits); }

  // As ByteStream::Read. Bytes come from `held` first, then from the transport, and are decoded in place in
  // `into`; those behind the end of the body go to `held`.
  net::IoResult Read(std::string& held, net::ByteStream& transport, std::span<std::byte> into);

  // Nobody reads the body until Read is called again: what is held of it is not pending.
  void Leave() { begun_ = false; }

  bool done() const { return done_ || decoder_.done(); }
  // As MessageStream::complete.
  bool complete() const { return done() && trailers_.empty(); }
  bool malformed() const { return malformed_; }
  // Whether Read would return something that the transport knows nothing of: bytes that are held, or the
  // body's end.
  bool pending(const std::string& held) const { return begun_ && (done() ? !end_told_ : !held.empty()); }
  const http::HeaderList& trailers() const { return trailers_; }

 private:
  net::IoResult AtEnd();
  // Moves the payload of `raw` to its front and returns how much there is.
  size_t Decode(std::span<std::byte> raw, std::string& held);

  BodyDecoder decoder_;
  http::HeaderList trailers_;
  bool begun_ = false;     // payload, or its end, has been asked for
  bool end_told_ = false;  // Read has returned kEnd
  bool done_ = false;      // a body that ends with its connection has ended
  bool broken_ = false;
  bool malformed_ = false;  // malformed, not truncated
};

class BodyWriter {
 public:
  enum class Framing : bool { kBare, kChunked };

  // Bytes that go out ahead of what Write takes next: a head.
  void Queue(std::string bytes) {
    if (out_.empty()) {
      out_ = std::move(bytes);
    } else {
      out_ += bytes;
    }
  }
  void Begin(Framing framing) { framing_ = framing; }

  // As ByteStream::Write. Holds at most the queued bytes and the framed bytes of one write.
  net::IoResult Write(net::ByteStream& transport, std::span<const std::byte> bytes);
  // As ByteStream::WriteLast, but ends the body instead of the stream.
  net::IoResult WriteLast(net::ByteStream& transport, std::span<const std::byte> bytes);
  // Queues the end of the body. Idempotent.
  void End(const http::HeaderList& trailers);

  bool ended() const { return ended_; }
  bool empty() const { return out_.empty(); }
  bool sent_any() const { return sent_any_; }  // the transport has taken something

 private:
  net::IoResult Put(net::ByteStream& transport, std::span<const std::byte> bytes, bool last);
  net::IoState Flush(net::ByteStream& transport);

  std::string out_;
  size_t sent_ = 0;  // of out_
  Framing framing_ = Framing::kBare;
  bool ended_ = false;
  bool sent_any_ = false;
};

}  // namespace hawser::http1
