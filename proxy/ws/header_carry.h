// Reads frame headers from bytes that may be cut anywhere: the start of a header waits here for its rest.
// Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/base/check.h"
#include "proxy/ws/frame.h"

namespace hawser::ws {

class HeaderCarry {
 public:
  // Takes the missing bytes from the front of `in`; all of `in` while the header is incomplete. bytes() are
  // then the header, or the part that shows the violation, until the next call.
  ParsedHeader Take(std::span<const std::byte>& in) {
    if (complete_) size_ = 0;
    const size_t had = size_;
    const size_t more = std::min(in.size(), bytes_.size() - had);
    std::copy_n(in.begin(), more, bytes_.begin() + had);
    size_ = static_cast<uint8_t>(had + more);
    const ParsedHeader parsed = ParseHeader(bytes());
    complete_ = parsed.state != ParsedHeader::State::kIncomplete;
    if (parsed.state == ParsedHeader::State::kComplete) size_ = parsed.header.header_bytes;
    HAWSER_DCHECK(size_ >= had);  // what was incomplete is no shorter now
    in = in.subspan(size_ - had);
    return parsed;
  }

  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, kMaxHeaderBytes> bytes_;
  uint8_t size_ = 0;
  bool complete_ = false;  // what is here has been handed out
};

}  // namespace hawser::ws
