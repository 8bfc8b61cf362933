// HTTP/2 frames made by hand, whatever a peer might send (RFC 9113 §4.1), and one read off a wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/integration/harness/wire.h"

namespace hawser::integration {

inline std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

inline std::string RawFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  return BigEndian(static_cast<uint32_t>(payload.size()), 3) + BigEndian(type, 1) + BigEndian(flags, 1) +
         BigEndian(stream, 4) + std::string(payload);
}

// A literal field of a header block, neither name nor value longer than 126 bytes: '\0' not indexed, '\x40'
// indexed (RFC 7541 §6.2).
inline std::string Literal(char kind, std::string_view name, std::string_view value) {
  return std::string(1, kind) + static_cast<char>(name.size()) + std::string(name) +
         static_cast<char>(value.size()) + std::string(value);
}
inline std::string Literal(std::string_view name, std::string_view value) {
  return Literal('\0', name, value);
}

struct SeenFrame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;
};

// The next frame; none at the end.
inline std::optional<SeenFrame> ReadRawFrame(Wire& wire) {
  const std::string head = wire.Read(9);
  if (head.size() < 9) return std::nullopt;
  const auto number = [&head](size_t at, size_t size) {
    uint32_t value = 0;
    for (size_t i = at; i < at + size; ++i) value = value << 8 | static_cast<uint8_t>(head[i]);
    return value;
  };
  SeenFrame frame{.type = static_cast<uint8_t>(number(3, 1)),
                  .flags = static_cast<uint8_t>(number(4, 1)),
                  .stream = number(5, 4) & 0x7fffffff,
                  .payload = wire.Read(number(0, 3))};
  return frame;
}

}  // namespace hawser::integration
