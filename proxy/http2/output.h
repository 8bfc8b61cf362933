// The output of a session: whole frames, which wait here until the turn is over and then leave in one write.
// Holds pooled slabs only while the transport does not take the bytes. Part of Session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"

namespace hawser::http2 {

class Output {
 public:
  Output(net::BufferPool& pool, base::TimePoint now) : pool_(pool), progress_(now) {}

  // Appends whole frames, or the part of a frame whose rest follows at once.
  void Append(std::span<const std::byte> bytes);

  // Appends a GOAWAY frame (RFC 9113 §6.8) made without nghttp2; `last_stream` is the last stream that was
  // acted on.
  void AppendGoAway(int32_t last_stream, uint32_t code, std::string_view text);

  // Writes as much as the transport takes. False: the transport is broken.
  [[nodiscard]] bool Flush(net::ByteStream& transport, base::TimePoint now);

  // The transport says that it can take more.
  void OnWritable() { blocked_ = false; }

  // Drops the bytes that were not written.
  void Clear();

  bool blocked() const { return blocked_; }  // the transport takes nothing for now
  bool empty() const { return bytes_ == 0; }
  // Bytes of DATA that streams may add now. A full output is flushed, or its writers wait.
  size_t room() const { return blocked_ || full() ? 0 : kMost - bytes_; }
  bool full() const { return bytes_ >= kMost; }
  // Heads and answers to the peer's frames are not bounded by room(). While this is true, the peer is not
  // read.
  bool overfull() const { return bytes_ >= kStop; }

  // All bytes ever appended, and how many of them the transport has taken.
  uint64_t made() const { return made_; }
  uint64_t left() const { return made_ - bytes_; }

  // When it last moved, or something happened that lets it move.
  base::TimePoint progress() const { return progress_; }
  void NoteProgress(base::TimePoint now) { progress_ = now; }

 private:
  static constexpr size_t kMost = 64 * 1024;
  static constexpr size_t kStop = 512 * 1024;

  net::BufferPool& pool_;
  net::Buffer frames_;
  size_t bytes_ = 0;  // in frames_
  uint64_t made_ = 0;
  base::TimePoint progress_;
  bool blocked_ = false;
  bool transport_holds_ = false;  // some of what it took, maybe: an empty Write sends it on
};

}  // namespace hawser::http2
