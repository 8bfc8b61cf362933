// The rest of the two spans that a codec of frames works on: input bytes, and room for output. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "proxy/base/check.h"

namespace hawser::ws {

inline constexpr uint64_t kForEver = std::numeric_limits<uint64_t>::max();

struct Spans {
  std::span<const std::byte> in;
  std::span<std::byte> out;

  // There is room for them.
  void Put(std::span<const std::byte> bytes) {
    HAWSER_DCHECK(bytes.size() <= out.size());
    std::copy(bytes.begin(), bytes.end(), out.begin());
    out = out.subspan(bytes.size());
  }

  // Passes on as many of `count` bytes as are there and have room, and takes them off it; kForEver stays what
  // it is.
  void Copy(uint64_t& count) {
    const size_t now = std::min<uint64_t>({in.size(), out.size(), count});
    Put(in.first(now));
    in = in.subspan(now);
    if (count != kForEver) count -= now;
  }
};

}  // namespace hawser::ws
