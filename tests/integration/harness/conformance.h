// The cases of the Autobahn test suite's fuzzing client (crossbario/autobahn-testsuite, sections 1 to 7, 9
// and 10), as the tests of this project run them: a client writes the bytes of a case, in its pieces, through
// hawser to a backend that echoes; the case lists what the client must receive until the connection ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {

// What a client heard. Fragments of a message are put together.
struct Heard {
  std::vector<std::string> events;  // "text hello", "binary ...", "pong ..."
  uint16_t code = 0;                // of the close frame; 0: none came
  std::string reason;
  End end = End::kOpen;
};

struct ConformanceCase {
  std::string id;     // as Autobahn numbers it
  std::string bytes;  // frames; a close frame with 1000 follows where the case has no close of its own
  std::vector<std::string> expected;  // events
  uint16_t code = 1000;               // of the close frame that must be heard
  size_t chop = 0;                    // bytes a write; 0: all at once
  bool has_close = false;
};

// A client's frames.
std::string TextFrame(std::string payload, bool fin = true, uint8_t reserved = 0);
std::string BinaryFrame(std::string payload, bool fin = true);
std::string MoreFrame(std::string payload, bool fin = true);
std::string PingFrame(std::string payload, bool fin = true);
std::string PongFrame(std::string payload, bool fin = true);
std::string CloseFrame(uint16_t code, std::string_view reason = "");
std::string OpcodeFrame(uint8_t opcode, std::string payload = "", uint8_t reserved = 0);
// `payload` as a message of `opcode` in fragments of `size` bytes.
std::string Fragments(uint8_t opcode, std::string_view payload, size_t size);

// hawser, with its defaults, in front of a backend that echoes.
class Conformance : public testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  // Writes on a thread of its own while the calling one reads up to the end.
  static Heard Talk(const std::string& bytes, size_t chop);
  // A case that ends well receives everything expected. A case that must fail receives a part of it: hawser
  // ends the connection as soon as it sees the fault, which may be before the echo of what went before
  // (Autobahn calls that "non-strict").
  static void Expect(const ConformanceCase& one);
  static void Expect(const std::vector<ConformanceCase>& cases);
  static const std::string& address();
};

}  // namespace hawser::integration
