// Cuts what a peer sends into frame headers and payload (RFC 9113 §4.1), in whatever pieces it comes. Each
// header is looked at before nghttp2 gets it, because nghttp2 does not report the frames that it ignores.
// Part of Session.
//
//   while (!bytes.empty()) {
//     const FrameSplitter::Part part = splitter.Next(bytes, now);
//     if (part.header && !MayPass(*part.header)) return;
//     Pass(part.bytes);   // to nghttp2; may be empty
//   }
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proxy/base/clock.h"

namespace hawser::http2 {

class FrameSplitter {
 public:
  // `preface`: bytes that come ahead of the first frame.
  explicit FrameSplitter(uint32_t preface) : payload_left_(preface) {}

  struct Part {
    std::optional<nghttp2_frame_hd> header;  // of `bytes`, where these are a frame header
    std::span<const std::byte> bytes;        // live until the next call; empty while a header is incomplete
  };
  // Takes the next part off the front of `bytes`, which is not empty.
  Part Next(std::span<const std::byte>& bytes, base::TimePoint now);

  // When the header block began that is still coming; the maximum if none is. No other frame may come before
  // its end.
  base::TimePoint block_begun() const { return block_begun_; }
  // CONTINUATION frames of the header block that came last.
  uint32_t continuations() const { return continuations_; }

 private:
  nghttp2_frame_hd Header() const;
  void NoteBlock(const nghttp2_frame_hd& header, base::TimePoint now);
  void NoteBlockEnd();

  std::array<std::byte, 9> header_;  // of the next frame, as far as it has come
  uint8_t header_bytes_ = 0;
  uint32_t payload_left_;  // bytes of the frame's payload that are to come
  uint32_t continuations_ = 0;
  base::TimePoint block_begun_ = base::TimePoint::max();
  bool block_ends_ = false;  // with the frame that is coming
};

}  // namespace hawser::http2
