// HTTP/2 frames made by hand, whatever a peer might send; and those that came back, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hawser::http2 {

inline std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettingsFrame = 4,
  kPing = 6,
  kGoAwayFrame = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  return BigEndian(static_cast<uint32_t>(payload.size()), 3) + BigEndian(type, 1) + BigEndian(flags, 1) +
         BigEndian(stream, 4) + std::string(payload);
}

// A literal field without indexing; names and values below 127 bytes (RFC 7541 §6.2.2).
inline std::string Literal(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + BigEndian(static_cast<uint32_t>(name.size()), 1) + std::string(name) +
         BigEndian(static_cast<uint32_t>(value.size()), 1) + std::string(value);
}

// The same, put into the dynamic table (§6.2.1), and a field that stands there first (§6.1).
inline std::string Indexed(std::string_view name, std::string_view value) {
  std::string literal = Literal(name, value);
  literal[0] = 0x40;
  return literal;
}
inline const std::string kNewestField = "\xbe";

// GET / of http://example.com.
inline std::string GetBlock() {
  return "\x82\x84\x86" + Literal(":authority", "example.com");
}
inline std::string PostBlock() {
  return "\x83\x84\x86" + Literal(":authority", "example.com");
}

inline std::string Headers(uint32_t stream, std::string_view block,
                           uint8_t flags = kEndHeaders | kEndStream) {
  return Frame(kHeaders, flags, stream, block);
}

inline std::string Opening() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettingsFrame, 0, 0, "");
}

struct SeenFrame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;

  // Of a RST_STREAM or a GOAWAY.
  uint32_t code() const {
    uint32_t code = 0;
    const size_t at = type == kGoAwayFrame ? 4 : 0;
    for (size_t i = at; i < at + 4 && i < payload.size(); ++i)
      code = code << 8 | static_cast<uint8_t>(payload[i]);
    return code;
  }
};

inline std::vector<SeenFrame> TakeApart(std::string_view bytes) {
  std::vector<SeenFrame> frames;
  const auto number = [&bytes](size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = at; i < at + count; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  };
  while (bytes.size() >= 9) {
    const size_t length = number(0, 3);
    frames.push_back({static_cast<uint8_t>(bytes[3]), static_cast<uint8_t>(bytes[4]), number(5, 4),
                      std::string(bytes.substr(9, length))});
    bytes.remove_prefix(std::min(9 + length, bytes.size()));
  }
  return frames;
}

}  // namespace hawser::http2
