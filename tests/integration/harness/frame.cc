#include "tests/integration/harness/frame.h"

namespace hawser::integration {
namespace {

void AppendNumber(std::string& out, uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>((number >> shift) & 0xff);
}

uint64_t ToNumber(std::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes) number = (number << 8) | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

uint16_t Frame::close_code() const {
  return payload.size() < 2 ? 1005 : static_cast<uint16_t>(ToNumber(std::string_view(payload).substr(0, 2)));
}

std::string ClosePayload(uint16_t code, std::string_view reason) {
  std::string payload;
  AppendNumber(payload, code, 2);
  return payload.append(reason);
}

std::string EncodeHead(const Frame& frame, uint64_t length, bool masked, uint32_t mask) {
  std::string head;
  head += static_cast<char>((frame.fin ? 0x80 : 0) | frame.reserved | frame.opcode);
  const uint8_t mask_bit = masked ? 0x80 : 0;
  if (length < 126) {
    head += static_cast<char>(mask_bit | length);
  } else if (length < 65536) {
    head += static_cast<char>(mask_bit | 126);
    AppendNumber(head, length, 2);
  } else {
    head += static_cast<char>(mask_bit | 127);
    AppendNumber(head, length, 8);
  }
  if (masked) AppendNumber(head, mask, 4);
  return head;
}

std::string Masked(std::string payload, uint32_t mask, size_t offset) {
  for (size_t i = 0; i < payload.size(); ++i) {
    const auto key = static_cast<uint8_t>(mask >> (8 * (3 - (i + offset) % 4)));
    payload[i] = static_cast<char>(static_cast<uint8_t>(payload[i]) ^ key);
  }
  return payload;
}

std::string Encode(const Frame& frame) {
  return EncodeHead(frame, frame.payload.size(), false) + frame.payload;
}

std::string EncodeMasked(const Frame& frame, uint32_t mask) {
  return EncodeHead(frame, frame.payload.size(), true, mask) + Masked(frame.payload, mask);
}

size_t ParseFrame(std::string_view bytes, Frame& frame) {
  if (bytes.size() < 2) return 0;
  const auto first = static_cast<uint8_t>(bytes[0]);
  const auto second = static_cast<uint8_t>(bytes[1]);
  frame = {.opcode = static_cast<uint8_t>(first & 0x0f),
           .fin = (first & 0x80) != 0,
           .reserved = static_cast<uint8_t>(first & 0x70),
           .masked = (second & 0x80) != 0};
  uint64_t length = second & 0x7f;
  const size_t extra = length < 126 ? 0 : length == 126 ? 2 : 8;
  const size_t head = 2 + extra + (frame.masked ? 4 : 0);
  if (bytes.size() < head) return 0;
  if (extra > 0) length = ToNumber(bytes.substr(2, extra));
  if (bytes.size() - head < length) return 0;
  frame.payload = bytes.substr(head, length);
  if (frame.masked) {
    const auto mask = static_cast<uint32_t>(ToNumber(bytes.substr(2 + extra, 4)));
    frame.payload = Masked(std::move(frame.payload), mask);
  }
  return head + length;
}

Frame ReadFrame(Wire& wire) {
  const Frame none{.opcode = Frame::kNoFrame};
  const std::string start = wire.Read(2);
  if (start.size() < 2) return none;
  const auto first = static_cast<uint8_t>(start[0]);
  const auto second = static_cast<uint8_t>(start[1]);
  Frame frame{.opcode = static_cast<uint8_t>(first & 0x0f),
              .fin = (first & 0x80) != 0,
              .reserved = static_cast<uint8_t>(first & 0x70),
              .masked = (second & 0x80) != 0};
  uint64_t length = second & 0x7f;
  if (length >= 126) length = ToNumber(wire.Read(length == 126 ? 2 : 8));
  uint32_t mask = 0;
  if (frame.masked) mask = static_cast<uint32_t>(ToNumber(wire.Read(4)));
  frame.payload = wire.Read(length);
  if (frame.payload.size() < length) return none;
  if (frame.masked) frame.payload = Masked(std::move(frame.payload), mask);
  return frame;
}

}  // namespace hawser::integration
