// Bytes kept aside until more come: the start of a frame, a few bytes, seldom and not for long. While there are none it
// is one null pointer, and while there are some it has memory for these and no more: what a parked connection pays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

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

  // Keeps `bytes` (less than 4 GiB) instead of what it kept; they may lie in this very Remainder.
  void Keep(std::span<const std::byte> bytes) {
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
