// A kernel pipe through which bytes go from one socket to another without being copied into the process
// (splice(2)). A worker has one, as it has one scratch. Bytes that the far socket does not take are read out
// of the pipe before the call that filled it returns, so the pipe is empty between calls and belongs to no
// connection.
#pragma once

#include <cstddef>

#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/socket.h"

namespace hawser::net {

class Pipe {
 public:
  // Whether there is a pipe to use. The first call takes its two descriptors; while there are none, each call
  // asks again.
  bool Ready();

  // Bytes that it takes from full pages at the most.
  size_t capacity() const { return capacity_; }

  // Moves up to `most` bytes from a plain socket into the pipe, which is Ready and empty. As
  // ByteStream::Read, except that kOk does not say whether there is more.
  IoResult Fill(int from, size_t most);

  // Moves what it holds to a plain socket. As ByteStream::Write.
  IoResult WriteTo(int to);

  // Appends to `into` what it holds, and is empty.
  void Take(Buffer& into, BufferPool& pool, std::span<std::byte> scratch);

  // Drops what it holds, and itself: Ready makes another.
  void Discard();

 private:
  Socket read_;
  Socket write_;
  size_t capacity_ = 0;
  size_t held_ = 0;
};

}  // namespace hawser::net
