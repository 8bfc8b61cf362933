// The output of a ByteStream's owner. Bytes go to the stream at once; bytes that it does not take wait here
// in pooled slabs, and the order is kept. Every class that may have more to send than a stream takes has one.
//
//   switch (outbox.Write(*stream, pool, bytes)) {     // any number of times; order is kept
//     case IoState::kError: ...                       // the stream is broken: waiting bytes were dropped
//     default: break;                                 // kBlocked: the rest waits
//   }
//   stream->Want({.read = !outbox.blocked(), .write = outbox.blocked()});
//   ... OnReady: if (ready.writable && outbox.Flush(*stream).state == IoState::kError) ...
//   outbox.WriteLast(*stream, pool, last_bytes);   // or End: our direction ends behind what was written
//
// Its user bounds it: a user that reads the source of these bytes only while !blocked() holds at most the
// output of one read.
//
// It costs a pointer and a byte. Declare it [[no_unique_address]] and ahead of small members (flags, enums,
// integers of up to four bytes), which then use the rest of its second word. A Write that the stream takes as
// a whole costs one comparison more than the stream's own.
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
  // Whether bytes wait, here or in the stream itself (a TLS record that is half sent). Then call
  // Want({.write = true}), and Flush when the stream is writable.
  bool blocked() const { return state_ >= State::kBlocked; }
  // Whether nothing can be sent any more: a write has failed, or Abandon was called.
  bool broken() const { return state_ == State::kBroken; }
  // Whether no bytes wait here.
  bool empty() const { return backlog_.empty(); }
  size_t size() const { return backlog_.size(); }  // that wait here; O(slabs)

  // Sends `bytes` behind those that wait. kOk: all of them were sent. kBlocked: the rest waits. kError: the
  // stream is broken; waiting bytes and all later ones are dropped. Not after WriteLast or End.
  [[nodiscard]] IoState Write(ByteStream& stream, BufferPool& pool, std::span<const std::byte> bytes) {
    if (state_ != State::kFree) return Queue(pool, bytes);
    const IoResult put = stream.Write(bytes);
    return put.state == IoState::kOk ? IoState::kOk : Hold(pool, bytes, put);
  }

  // Write and then End: in one packet if no bytes wait and the stream can do it.
  [[nodiscard]] IoState WriteLast(ByteStream& stream, BufferPool& pool, std::span<const std::byte> bytes);

  // Ends our direction behind all bytes written: at once, or in the Flush that sends the last of them.
  // Idempotent.
  void End(ByteStream& stream);

  // Sends waiting bytes. kOk: none are left; kBlocked, kError: as Write. `bytes`: how many left from here.
  IoResult Flush(ByteStream& stream);

  // For bytes that reach the stream by another way (net/pipe): call it when the stream takes no more, and
  // append the bytes that it did not take to the returned Buffer.
  Buffer& Block();

  // Drops waiting bytes and all that are written later: as after kError.
  void Abandon() {
    state_ = State::kBroken;
    backlog_.Clear();
  }

 private:
  enum class State : uint8_t {
    kFree,     // nothing waits
    kEnded,    // our direction has ended
    kBroken,   // the stream is broken, or given up
    kBlocked,  // bytes wait, here or in the stream
    kEnding,   // likewise; our direction ends behind it, or its end is what waits in the stream
  };

  IoState Queue(BufferPool& pool, std::span<const std::byte> bytes);
  IoState Hold(BufferPool& pool, std::span<const std::byte> bytes, IoResult put);

  Buffer backlog_;
  State state_ = State::kFree;
};

}  // namespace hawser::net
