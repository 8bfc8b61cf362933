// WebSocket frames (RFC 6455 §5.2) as the tests write and read them: legal ones, and any that are not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/integration/harness/wire.h"

namespace hawser::integration {

enum Opcode : uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xa,
};

// A mask key: frames of a client carry one. Not zero, so that masking changes the payload.
inline constexpr uint32_t kSomeMask = 0x37fa213d;

struct Frame {
  uint8_t opcode = kText;
  std::string payload = {};
  bool fin = true;
  uint8_t reserved = 0;  // the RSV bits as they stand in the first byte: 0x40, 0x20, 0x10
  bool masked = false;   // found when read; for Encode, see there

  uint16_t close_code() const;  // of a close frame; 1005 where it has none
  std::string close_reason() const { return payload.size() > 2 ? payload.substr(2) : ""; }
  bool ended() const { return opcode == kNoFrame; }  // the bytes ended before a whole frame
  bool operator==(const Frame&) const = default;

  static constexpr uint8_t kNoFrame = 0xff;
};

std::string ClosePayload(uint16_t code, std::string_view reason = "");

// As a backend writes it, and as a client does.
std::string Encode(const Frame& frame);
std::string EncodeMasked(const Frame& frame, uint32_t mask = kSomeMask);
// The head alone of a frame whose payload comes later, or never.
std::string EncodeHead(const Frame& frame, uint64_t length, bool masked, uint32_t mask = kSomeMask);
// `payload` as it travels under `mask`; `offset` is its place in the frame.
std::string Masked(std::string payload, uint32_t mask = kSomeMask, size_t offset = 0);

// The frame that `bytes` begin with, unmasked, and its length there; 0 while it is not whole.
size_t ParseFrame(std::string_view bytes, Frame& frame);
// The next frame, unmasked; ended() at the end.
Frame ReadFrame(Wire& wire);

}  // namespace hawser::integration
