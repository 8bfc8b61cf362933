// permessage-deflate (RFC 7692) as a client does it, by zlib alone and one message at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/harness/frame.h"
#include "tests/integration/harness/http.h"

namespace hawser::integration {

inline constexpr uint8_t kRsv1 = 0x40;

// The payload of a message as it lies on the wire, and back; a failure for what is not DEFLATE, and for what
// looks back further than the window.
std::string Compress(std::string_view text, int window_bits = 15);
std::string Decompress(std::string payload, int window_bits = 15);

// A handshake that offers `offer`.
Request Offering(std::string_view offer = "permessage-deflate");

// A compressed message of a client, in frames of at most `fragment` bytes of payload.
std::string CompressedMessage(std::string_view text, uint8_t opcode = kText, size_t fragment = SIZE_MAX);

struct Message {
  uint8_t opcode = Frame::kNoFrame;
  std::string text = {};    // decompressed
  bool compressed = false;  // as it came
  size_t frames = 0;
  size_t wire_bytes = 0;  // of payload
};
// The next message that is not a control frame; pings and pongs between its fragments are passed over.
Message ReadMessage(Wire& wire, int window_bits = 15);

// About as compressible as JSON; the same for the same size.
std::string SomeText(size_t bytes);
std::string Noise(size_t bytes);

}  // namespace hawser::integration
