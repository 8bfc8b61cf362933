// Bytes that are kept until more come: a few bytes at the start of a frame, seldom and not for long. It is a
// null pointer while it is empty, and otherwise allocates exactly the bytes that it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::net {

class Remainder {
 public:
  bool empty() const { return bytes_ == nullptr; }
  size_t size() const { return bytes().size(); }
  std::span<const std::byte> bytes() const {
    if (bytes_ == nullptr) return {};
    uint32_t size;
    std::memcpy(&size, bytes_.get(), sizeof size);
    return {bytes_.get() + sizeof size, size};
  }

  // Holds `bytes` (less than 4 GiB) instead of what it held; they may lie in this very Remainder.
  void Assign(std::span<const std::byte> bytes) {
    HAWSER_DCHECK(bytes.size() <= std::numeric_limits<uint32_t>::max());
    if (bytes.empty()) return Clear();
    const auto size = static_cast<uint32_t>(bytes.size());
    auto kept = std::make_unique_for_overwrite<std::byte[]>(sizeof size + bytes.size());
    std::memcpy(kept.get(), &size, sizeof size);
    std::memcpy(kept.get() + sizeof size, bytes.data(), bytes.size());
    bytes_ = std::move(kept);
  }

  void Clear() { bytes_.reset(); }

 private:
  std::unique_ptr<std::byte[]> bytes_;  // their number, then they
};

}  // namespace hawser::net
