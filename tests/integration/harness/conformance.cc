#include "tests/integration/harness/conformance.h"

#include <algorithm>
#include <memory>
#include <thread>

namespace hawser::integration {
namespace {

struct World {
  EchoBackend echo{"echo"};
  HawserProcess hawser{Config{.endpoints = {echo.address()}, .websocket = {"close_timeout: 1h"}}.Yaml()};
  std::string address = hawser.listener();
};
std::unique_ptr<World> world;

// The next frame. The backend echoes a frame when it has all of it: on a slow machine the first byte of 16
// MiB takes its time, so a few deadlines may pass before there is anything.
Frame NextFrame(Wire& wire) {
  const Frame none{.opcode = Frame::kNoFrame};
  const auto come = [&] { return !wire.unread().empty() || wire.HasInput(); };
  for (int patience = 4; patience > 0 && !Eventually(come); --patience) {
  }
  const std::string start = wire.Read(2);
  if (start.size() < 2) return none;
  Frame frame{.opcode = static_cast<uint8_t>(start[0] & 0x0f), .fin = (start[0] & 0x80) != 0};
  uint64_t length = static_cast<uint8_t>(start[1]);
  if (length >= 126) {
    const std::string extended = wire.Read(length == 126 ? 2 : 8);
    length = 0;
    for (const char byte : extended) length = length << 8 | static_cast<uint8_t>(byte);
  }
  while (frame.payload.size() < length) {
    const std::string piece = wire.Read(std::min<uint64_t>(length - frame.payload.size(), 64 << 10));
    if (piece.empty()) return none;
    frame.payload += piece;
  }
  return frame;
}

}  // namespace

std::string TextFrame(std::string payload, bool fin, uint8_t reserved) {
  return EncodeMasked({.opcode = kText, .payload = std::move(payload), .fin = fin, .reserved = reserved});
}
std::string BinaryFrame(std::string payload, bool fin) {
  return EncodeMasked({.opcode = kBinary, .payload = std::move(payload), .fin = fin});
}
std::string MoreFrame(std::string payload, bool fin) {
  return EncodeMasked({.opcode = kContinuation, .payload = std::move(payload), .fin = fin});
}
std::string PingFrame(std::string payload, bool fin) {
  return EncodeMasked({.opcode = kPing, .payload = std::move(payload), .fin = fin});
}
std::string PongFrame(std::string payload, bool fin) {
  return EncodeMasked({.opcode = kPong, .payload = std::move(payload), .fin = fin});
}
std::string CloseFrame(uint16_t code, std::string_view reason) {
  return EncodeMasked({.opcode = kClose, .payload = ClosePayload(code, reason)});
}
std::string OpcodeFrame(uint8_t opcode, std::string payload, uint8_t reserved) {
  return EncodeMasked({.opcode = opcode, .payload = std::move(payload), .reserved = reserved});
}

std::string Fragments(uint8_t opcode, std::string_view payload, size_t size) {
  std::string bytes;
  for (size_t at = 0; at < payload.size() || at == 0; at += size) {
    bytes += EncodeMasked({.opcode = at == 0 ? opcode : uint8_t{kContinuation},
                           .payload = std::string(payload.substr(at, size)),
                           .fin = at + size >= payload.size()});
  }
  return bytes;
}

void Conformance::SetUpTestSuite() {
  world = std::make_unique<World>();
}
void Conformance::TearDownTestSuite() {
  world.reset();
}
const std::string& Conformance::address() {
  return world->address;
}

Heard Conformance::Talk(const std::string& bytes, size_t chop) {
  Wire client = Join(address());
  std::thread writer([&] {
    const size_t piece =
        chop == 0 ? 64 << 10 : chop;  // large ones in parts, for the deadline that each write has
    for (size_t at = 0; at < bytes.size(); at += piece) {
      if (!client.Send(std::string_view(bytes).substr(at, piece))) return;  // it may have been closed by now
    }
  });
  Heard heard;
  std::string message;
  uint8_t opcode = kText;
  for (Frame frame = NextFrame(client); !frame.ended(); frame = NextFrame(client)) {
    if (frame.opcode == kClose) {
      heard.code = frame.close_code();
      heard.reason = frame.close_reason();
    } else if (frame.opcode == kPong) {
      heard.events.push_back("pong " + frame.payload);
    } else {
      if (frame.opcode != kContinuation) opcode = frame.opcode;
      message += frame.payload;
      if (!frame.fin) continue;
      heard.events.push_back((opcode == kText ? "text " : "binary ") + message);
      message.clear();
    }
  }
  writer.join();
  heard.end = client.ReadEnd();
  return heard;
}

void Conformance::Expect(const ConformanceCase& one) {
  SCOPED_TRACE(one.id);
  const bool well = one.code != 1002 && one.code != 1007 && one.code != 1009;
  const Heard heard = Talk(one.bytes + (one.has_close ? "" : CloseFrame(1000)), one.chop);
  EXPECT_EQ(heard.code, one.code) << heard.reason;
  EXPECT_NE(heard.end, End::kOpen);
  ASSERT_LE(heard.events.size(), one.expected.size());
  if (well) {
    ASSERT_EQ(heard.events.size(), one.expected.size());
  }
  for (size_t i = 0; i < heard.events.size(); ++i) EXPECT_TRUE(heard.events[i] == one.expected[i]) << i;
}

void Conformance::Expect(const std::vector<ConformanceCase>& cases) {
  for (const ConformanceCase& one : cases) Expect(one);
}

}  // namespace hawser::integration
