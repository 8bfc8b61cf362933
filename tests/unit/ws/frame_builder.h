// Frames for tests, right or wrong, byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/ws/frame.h"

namespace hawser::ws {

using Bytes = std::vector<std::byte>;

inline Bytes ToBytes(std::string_view text) {
  Bytes bytes(text.size());
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

inline Bytes Raw(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct FrameSpec {
  int opcode = 1;
  std::string payload;
  bool fin = true;
  int rsv = 0;
  std::optional<Mask> mask;
  int length_bytes = -1;                  // 0, 2 or 8; -1: the shortest that fits
  std::optional<uint64_t> claimed_bytes;  // in place of payload.size()
};

inline Bytes Build(const FrameSpec& spec) {
  const uint64_t length = spec.claimed_bytes.value_or(spec.payload.size());
  const int extended = spec.length_bytes >= 0 ? spec.length_bytes : length < 126 ? 0 : length < 65536 ? 2 : 8;
  const int mask_bit = spec.mask ? 0x80 : 0;
  Bytes frame = Raw({(spec.fin ? 0x80 : 0) | spec.rsv << 4 | spec.opcode,
                     mask_bit | (extended == 0   ? static_cast<int>(length)
                                 : extended == 2 ? 126
                                                 : 127)});
  for (int i = extended - 1; i >= 0; --i) frame.push_back(static_cast<std::byte>(length >> (8 * i) & 0xff));
  Bytes payload = ToBytes(spec.payload);
  if (spec.mask) {
    for (const uint8_t byte : *spec.mask) frame.push_back(std::byte{byte});
    for (size_t i = 0; i < payload.size(); ++i) payload[i] ^= std::byte{(*spec.mask)[i % 4]};
  }
  return std::move(frame) + payload;
}

}  // namespace hawser::ws
