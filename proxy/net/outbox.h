// The sending half of a ByteStream's owner: bytes go to the stream at once, what it does not take waits here in pooled
// slabs, and nothing overtakes what waits. Every place that may have more to send than a stream takes has one.
//
//   switch (outbox.Write(*stream, pool, bytes)) {     // any number of times; order is kept
//     case IoState::kError: ...                       // the stream is broken: nothing waits any more
//     default: break;                                 // kBlocked: the rest waits
//   }
//   stream->Want({.read = !outbox.blocked(), .write = outbox.blocked()});
//   ... OnReady: if (ready.writable && outbox.Flush(*stream).state == IoState::kError) ...
//   outbox.WriteLast(*stream, pool, last_bytes);      // or End: our direction ends behind all that was written
//
// The bound is its user's: who reads the source of these bytes only while !blocked() never holds more than one read makes.
//
// It costs a pointer and a byte. Declared [[no_unique_address]], ahead of small members (flags, enums, integers of up to
// four bytes), those use the rest of its second word: a tunnel's Side pays for it what it paid for a Buffer and a flag. A
// Write that the stream takes whole is one comparison more than the stream's own.
//
// A plain value that its owner moves and destroys with the stream, before the pool; loop thread only.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/base/check.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"

namespace hawser::net {

class Outbox {
 public:
  // Whether something waits, here or in the stream itself (a TLS record that is half sent): Want({.write = true}), and
  // Flush when there is room.
  bool blocked() const { return state_ >= State::kBlocked; }
  // Whether nothing can be sent any more: the stream has refused to, or Abandon was called.
  bool broken() const { return state_ == State::kBroken; }
  // Whether no bytes wait here.
  bool empty() const { return backlog_.empty(); }
  size_t size() const { return backlog_.size(); }  // that wait here; O(slabs)

  // Sends `bytes` behind what waits. kOk: all of them are on their way. kBlocked: the rest waits. kError: the stream is
  // broken, and what waited is dropped; so is all that is written later. Not behind WriteLast or End.
  [[nodiscard]] IoState Write(ByteStream& stream, BufferPool& pool, std::span<const std::byte> bytes) {
    if (state_ != State::kFree) return Queue(pool, bytes);
    const IoResult put = stream.Write(bytes);
    return put.state == IoState::kOk ? IoState::kOk : Hold(pool, bytes, put);
  }

  // Write, and End behind it: in one packet where nothing waits and the stream can.
  [[nodiscard]] IoState WriteLast(ByteStream& stream, BufferPool& pool, std::span<const std::byte> bytes);

  // Our direction ends behind all that was written, at once or by the Flush that sends the last of it. Idempotent.
  void End(ByteStream& stream);

  // Sends what waits. kOk: nothing waits any more; kBlocked, kError: as Write. `bytes`: how many left from here.
  IoResult Flush(ByteStream& stream);

  // For bytes that come to the stream by another way (net/pipe): the stream takes no more for now, and what it has not taken
  // is to be appended to the Buffer that this returns.
  Buffer& Block();

  // Nobody is to get what waits, nor what is written later: as after kError.
  void Abandon() {
    state_ = State::kBroken;
    backlog_.Clear();
  }

 private:
  enum class State : uint8_t {
    kFree,     // nothing waits
    kEnded,    // our direction has ended
    kBroken,   // the stream is broken, or given up
    kBlocked,  // something waits, here or in the stream
    kEnding,   // likewise; our direction ends behind it, or its end is what waits in the stream
  };

  IoState Queue(BufferPool& pool, std::span<const std::byte> bytes);
  IoState Hold(BufferPool& pool, std::span<const std::byte> bytes, IoResult put);

  Buffer backlog_;
  State state_ = State::kFree;
};

}  // namespace hawser::net
