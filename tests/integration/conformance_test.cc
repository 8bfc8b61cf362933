// Framing, pings, reserved bits, opcodes, fragmentation and closing: Autobahn's sections 1 to 5, 7, 9 and 10.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/integration/harness/conformance.h"

namespace hawser::integration {
namespace {

using Cases = std::vector<ConformanceCase>;

std::string Stars(size_t size) {
  return std::string(size, '*');
}
std::string Bytes(size_t size) {
  return std::string(size, '\xfe');
}

TEST_F(Conformance, Section1Framing) {
  Cases cases;
  const std::pair<size_t, size_t> kSizes[] = {{0, 0},   {125, 0},   {126, 0},   {127, 0},
                                              {128, 0}, {65535, 0}, {65536, 0}, {65536, 997}};
  int number = 1;
  for (const auto& [size, chop] : kSizes) {
    cases.push_back(
        {fmt::format("1.1.{}", number), TextFrame(Stars(size)), {"text " + Stars(size)}, 1000, chop});
    cases.push_back(
        {fmt::format("1.2.{}", number++), BinaryFrame(Bytes(size)), {"binary " + Bytes(size)}, 1000, chop});
  }
  Expect(cases);
}

TEST_F(Conformance, Section2PingsAndPongs) {
  const std::string binary("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
  std::string ten;
  std::vector<std::string> pongs;
  for (int i = 0; i < 10; ++i) {
    ten += PingFrame(fmt::format("payload-{}", i));
    pongs.push_back(fmt::format("pong payload-{}", i));
  }
  Expect(Cases{
      {"2.1", PingFrame(""), {"pong "}},
      {"2.2", PingFrame("Hello, world!"), {"pong Hello, world!"}},
      {"2.3", PingFrame(binary), {"pong " + binary}},
      {"2.4", PingFrame(Bytes(125)), {"pong " + Bytes(125)}},
      {"2.5", PingFrame(Bytes(126)), {}, 1002},
      {"2.6", PingFrame(Bytes(125)), {"pong " + Bytes(125)}, 1000, 1},
      {"2.7", PongFrame(""), {}},
      {"2.8", PongFrame("unsolicited pong payload"), {}},
      {"2.9", PongFrame("unsolicited pong payload") + PingFrame("ping payload"), {"pong ping payload"}},
      {"2.10", ten, pongs},
      {"2.11", ten, pongs, 1000, 1},
  });
}

TEST_F(Conformance, Section3ReservedBits) {
  const std::string hello = TextFrame("Hello, world!");
  const std::vector<std::string> echo = {"text Hello, world!"};
  const auto wrong = [](uint8_t rsv) {
    return TextFrame("Hello, world!", true, static_cast<uint8_t>(rsv << 4));
  };
  Expect(Cases{
      {"3.1", wrong(1), {}, 1002},
      {"3.2", hello + wrong(2) + PingFrame(""), echo, 1002},
      {"3.3", hello + wrong(3) + PingFrame(""), echo, 1002, hello.size()},
      {"3.4", hello + wrong(4) + PingFrame(""), echo, 1002, 1},
      {"3.5", OpcodeFrame(kBinary, Bytes(8), 5 << 4), {}, 1002},
      {"3.6", OpcodeFrame(kPing, "Hello, world!", 6 << 4), {}, 1002},
      {"3.7", OpcodeFrame(kClose, "", 7 << 4), {}, 1002, 0, true},
  });
}

TEST_F(Conformance, Section4Opcodes) {
  const std::string hello = TextFrame("Hello, world!");
  const std::vector<std::string> echo = {"text Hello, world!"};
  Cases cases;
  for (const uint8_t first : {3, 11}) {
    const int group = first == 3 ? 1 : 2;
    const auto opcode = [first](int offset) { return static_cast<uint8_t>(first + offset); };
    cases.push_back({fmt::format("4.{}.1", group), OpcodeFrame(opcode(0)), {}, 1002});
    cases.push_back(
        {fmt::format("4.{}.2", group), OpcodeFrame(opcode(1), "reserved opcode payload"), {}, 1002});
    cases.push_back(
        {fmt::format("4.{}.3", group), hello + OpcodeFrame(opcode(2)) + PingFrame(""), echo, 1002});
    cases.push_back({fmt::format("4.{}.4", group),
                     hello + OpcodeFrame(opcode(3), "reserved opcode payload") + PingFrame(""), echo, 1002});
    cases.push_back({fmt::format("4.{}.5", group),
                     hello + OpcodeFrame(opcode(4), "reserved opcode payload") + PingFrame(""), echo, 1002,
                     1});
  }
  Expect(cases);
}

TEST_F(Conformance, Section5Fragmentation) {
  const std::string two = TextFrame("fragment1", false) + MoreFrame("fragment2");
  const std::string around =
      TextFrame("fragment1", false) + PingFrame("ping payload") + MoreFrame("fragment2");
  const std::vector<std::string> echo = {"text fragment1fragment2"};
  const std::vector<std::string> pinged = {"pong ping payload", "text fragment1fragment2"};
  const auto lost = [](bool fin) {
    return MoreFrame("non-continuation payload", fin) + TextFrame("Hello, world!");
  };
  const auto thrice = [](bool fin) {
    const std::string once =
        MoreFrame("fragment1", fin) + TextFrame("fragment2", false) + MoreFrame("fragment3");
    return once + once;
  };
  const std::string five = TextFrame("fragment1", false) + MoreFrame("fragment2", false) +
                           PingFrame("pongme 1!") + MoreFrame("fragment3", false) +
                           MoreFrame("fragment4", false) + PingFrame("pongme 2!") + MoreFrame("fragment5");
  const std::vector<std::string> fives = {"pong pongme 1!", "pong pongme 2!",
                                          "text fragment1fragment2fragment3fragment4fragment5"};
  Expect(Cases{
      {"5.1", PingFrame("fragment1", false) + MoreFrame("fragment2"), {}, 1002},
      {"5.2", PongFrame("fragment1", false) + MoreFrame("fragment2"), {}, 1002},
      {"5.3", two, echo},
      {"5.4", two, echo, 1000, TextFrame("fragment1").size()},
      {"5.5", two, echo, 1000, 1},
      {"5.6", around, pinged},
      {"5.7", around, pinged, 1000, TextFrame("fragment1").size()},
      {"5.8", around, pinged, 1000, 1},
      {"5.9", lost(true), {}, 1002},
      {"5.10", lost(true), {}, 1002, MoreFrame("non-continuation payload").size()},
      {"5.11", lost(true), {}, 1002, 1},
      {"5.12", lost(false), {}, 1002},
      {"5.13", lost(false), {}, 1002, MoreFrame("non-continuation payload").size()},
      {"5.14", lost(false), {}, 1002, 1},
      {"5.15", two + lost(false), echo, 1002},
      {"5.16", thrice(false), {}, 1002},
      {"5.17", thrice(true), {}, 1002},
      {"5.18", TextFrame("fragment1", false) + TextFrame("fragment2"), {}, 1002},
      {"5.19", five, fives},
      {"5.20", five, fives, 1000, 1},
  });
}

TEST_F(Conformance, Section7Closing) {
  const std::string hello = TextFrame("Hello World!");
  const std::vector<std::string> echo = {"text Hello World!"};
  const std::string close = CloseFrame(1000);
  const std::string large(256 << 10, 'B');
  const auto raw = [](std::string payload) { return OpcodeFrame(kClose, std::move(payload)); };
  Cases cases = {
      {"7.1.1", hello + close, echo, 1000, 0, true},
      {"7.1.2", close + close, {}, 1000, 0, true},
      {"7.1.3", close + PingFrame(""), {}, 1000, 0, true},
      {"7.1.4", close + hello, {}, 1000, 0, true},
      {"7.1.5", TextFrame("fragment1", false) + close + MoreFrame("fragment2"), {}, 1000, 0, true},
      {"7.1.6", TextFrame(large) + hello + close + PingFrame(""), {"text " + large, echo[0]}, 1000, 0, true},
      {"7.3.1", raw(""), {}, 1005, 0, true},
      {"7.3.2", raw("a"), {}, 1002, 0, true},
      {"7.3.3", close, {}, 1000, 0, true},
      {"7.3.4", CloseFrame(1000, "Hello World!"), {}, 1000, 0, true},
      {"7.3.5", CloseFrame(1000, std::string(123, '*')), {}, 1000, 0, true},
      {"7.3.6", CloseFrame(1000, std::string(124, '*')), {}, 1002, 0, true},
      {"7.5.1",
       CloseFrame(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"),
       {},
       1007,
       0,
       true},
  };
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}) {
    const auto sent = static_cast<uint16_t>(code);
    cases.push_back({fmt::format("7.7 {}", code), CloseFrame(sent), {}, sent, 0, true});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535}) {  // 7.9 and 7.13
    cases.push_back(
        {fmt::format("7.9 {}", code), CloseFrame(static_cast<uint16_t>(code)), {}, 1002, 0, true});
  }
  Expect(cases);
}

TEST_F(Conformance, Section9LargeMessages) {
  for (const size_t size : {64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20}) {
    Expect({fmt::format("9.1 {}", size), TextFrame(Stars(size)), {"text " + Stars(size)}});
    Expect({fmt::format("9.2 {}", size), BinaryFrame(Bytes(size)), {"binary " + Bytes(size)}});
  }
}

TEST_F(Conformance, Section9LargeMessagesInFragments) {
  const size_t size = 4 << 20;
  for (const size_t fragment : {256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}) {
    Expect(
        {fmt::format("9.3 {}", fragment), Fragments(kText, Stars(size), fragment), {"text " + Stars(size)}});
    Expect({fmt::format("9.4 {}", fragment),
            Fragments(kBinary, Bytes(size), fragment),
            {"binary " + Bytes(size)}});
  }
  Expect({"9.3 64", Fragments(kText, Stars(size), 64), {"text " + Stars(size)}});
}

TEST_F(Conformance, Section9LargeMessagesInChops) {
  const size_t size = 1 << 20;
  for (const size_t chop : {64, 128, 256, 512, 1024, 2048}) {
    Expect({fmt::format("9.5 {}", chop), TextFrame(Stars(size)), {"text " + Stars(size)}, 1000, chop});
    Expect({fmt::format("9.6 {}", chop), BinaryFrame(Bytes(size)), {"binary " + Bytes(size)}, 1000, chop});
  }
}

TEST_F(Conformance, Section9AThousandRoundTrips) {
  for (const size_t size : {0, 16, 64, 256, 1024, 4096}) {
    for (const uint8_t opcode : {kText, kBinary}) {
      SCOPED_TRACE(size);
      Wire client = Join(address());
      const Frame frame{.opcode = opcode, .payload = Stars(size)};
      for (int i = 0; i < 1000; ++i) {
        client.Send(EncodeMasked(frame));
        ASSERT_TRUE(ReadFrame(client) == frame) << i;
      }
    }
  }
}

TEST_F(Conformance, Section10AutoFragmentation) {
  Expect({"10.1.1", Fragments(kText, Stars(65536), 1300), {"text " + Stars(65536)}});
}

}  // namespace
}  // namespace hawser::integration
