#include "proxy/http2/frame_splitter.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace hawser::http2 {

FrameSplitter::Part FrameSplitter::Next(std::span<const std::byte>& bytes, base::TimePoint now) {
  HAWSER_DCHECK(!bytes.empty());
  const size_t wanted = payload_left_ > 0 ? payload_left_ : header_.size() - header_bytes_;
  const auto part = bytes.first(std::min(bytes.size(), wanted));
  bytes = bytes.subspan(part.size());
  if (payload_left_ > 0) {
    payload_left_ -= static_cast<uint32_t>(part.size());
    NoteBlockEnd();
    return {.header = std::nullopt, .bytes = part};
  }
  std::ranges::copy(part, header_.begin() + header_bytes_);
  header_bytes_ += static_cast<uint8_t>(part.size());
  if (header_bytes_ < header_.size()) return {};
  header_bytes_ = 0;
  const nghttp2_frame_hd header = Header();
  payload_left_ = static_cast<uint32_t>(header.length);
  NoteBlock(header, now);
  return {.header = header, .bytes = header_};
}

nghttp2_frame_hd FrameSplitter::Header() const {
  const auto number = [this](size_t at, size_t size) {
    uint32_t value = 0;
    for (size_t i = at; i < at + size; ++i) value = value << 8 | std::to_integer<uint32_t>(header_[i]);
    return value;
  };
  return {.length = number(0, 3),
          .stream_id = static_cast<int32_t>(number(5, 4) & 0x7fffffff),
          .type = std::to_integer<uint8_t>(header_[3]),
          .flags = std::to_integer<uint8_t>(header_[4]),
          .reserved = 0};
}

void FrameSplitter::NoteBlock(const nghttp2_frame_hd& header, base::TimePoint now) {
  if (header.type != NGHTTP2_HEADERS && header.type != NGHTTP2_CONTINUATION) return;
  if (header.type == NGHTTP2_HEADERS) {
    block_begun_ = now;
    continuations_ = 0;
  } else {
    ++continuations_;
  }
  block_ends_ = (header.flags & NGHTTP2_FLAG_END_HEADERS) != 0;
  NoteBlockEnd();
}

void FrameSplitter::NoteBlockEnd() {
  if (payload_left_ == 0 && block_ends_) block_begun_ = base::TimePoint::max();
}

}  // namespace hawser::http2
