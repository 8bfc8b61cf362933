// Sections 12 and 13 of the Autobahn test suite, rebuilt from its public list of cases: a client that
// compresses sends messages of each size, whole and in fragments, of each kind of content, and gets all of
// them back from an echo behind `compression: offload` (12); the same with each combination of offers (13).
// Autobahn sends a thousand messages a case; these send as many as show the same.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/deflate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

struct Size {
  size_t message;   // bytes before compression
  size_t fragment;  // of compressed payload; 0: not fragmented
};

constexpr Size kMessageSizes[] = {
    {16, 0},      {64, 0},      {256, 0},      {1024, 0},      {4096, 0},      {8192, 0},
    {16384, 0},   {32768, 0},   {65536, 0},    {131072, 0},    {8192, 256},    {16384, 256},
    {32768, 256}, {65536, 256}, {131072, 256}, {131072, 1024}, {131072, 4096}, {131072, 32768},
};

struct Content {
  std::string_view name;
  uint8_t opcode;
  std::string (*make)(size_t bytes);
};

std::string HumanText(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) {
    text +=
        "Habe nun, ach! Philosophie, Juristerei und Medizin, und leider auch Theologie durchaus studiert, " +
        std::to_string(i * i) + " mit heissem Bemueh'n. ";
  }
  return text.substr(0, bytes);
}

// Like an image: neighbours are alike, and nothing repeats.
std::string Picture(size_t bytes) {
  std::string picture = Noise(bytes);
  for (size_t i = 1; i < bytes; ++i) picture[i] = static_cast<char>(picture[i - 1] + (picture[i] & 7) - 3);
  return picture;
}

constexpr Content kContents[] = {
    {"JSON", kText, &SomeText},         // 12.1
    {"picture", kBinary, &Picture},     // 12.2
    {"human text", kText, &HumanText},  // 12.3
    {"noise", kBinary, &Noise},         // 12.4 and 12.5 are texts again; this one cannot be compressed
};

class CompressionSuite : public testing::Test {
 protected:
  // Sends the same message `times` over and expects each back, while sending goes on.
  void Exchange(Wire& client, const Content& content, const Size& size, int window_bits, int times) {
    const std::string text = content.make(size.message);
    const std::string frames =
        CompressedMessage(text, content.opcode, size.fragment == 0 ? SIZE_MAX : size.fragment);
    std::thread sender([&] {
      for (int i = 0; i < times; ++i) client.Send(frames);
    });
    for (int i = 0; i < times; ++i) {
      const Message message = ReadMessage(client, window_bits);
      EXPECT_EQ(message.opcode, content.opcode);
      ASSERT_TRUE(message.text == text) << "message " << i << " of " << size.message << " bytes";
    }
    sender.join();
  }

  EchoBackend echo_{"echo"};
  HawserProcess hawser_{Config{.endpoints = {echo_.address()}, .websocket = {"compression: offload"}}.Yaml()};
};

TEST_F(CompressionSuite, Section12MessagesOfEverySizeContentAndFragmentationComeBack) {
  for (const Content& content : kContents) {
    SCOPED_TRACE(content.name);
    Wire client = Join(hawser_.listener(), Offering("permessage-deflate; client_max_window_bits"));
    ASSERT_TRUE(client.open());
    for (const Size& size : kMessageSizes)
      Exchange(client, content, size, 15, size.message > 20'000 ? 3 : 20);
  }
}

struct Combination {
  std::string offer;
  std::string answer;  // behind the two parameters that always stand there
  int window_bits;     // towards the client
};

TEST_F(CompressionSuite, Section13EveryCombinationOfOffersIsAnsweredAndKept) {
  const Combination combinations[] = {
      {"permessage-deflate", "", 15},                                                        // 13.1
      {"permessage-deflate; server_no_context_takeover", "", 15},                            // 13.2
      {"permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9", 9},     // 13.3
      {"permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=15", 15},  // 13.4
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits=9",           // 13.5
       "; server_max_window_bits=9", 9},
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits=15",  // 13.6
       "; server_max_window_bits=15", 15},
      {"permessage-deflate; server_no_context_takeover; server_max_window_bits=9, "  // 13.7
       "permessage-deflate; server_no_context_takeover, permessage-deflate",
       "; server_max_window_bits=9", 9},
  };
  for (const Combination& one : combinations) {
    SCOPED_TRACE(one.offer);
    Head response;
    Wire client = Join(hawser_.listener(), Offering(one.offer), &response);
    ASSERT_TRUE(client.open());
    EXPECT_EQ(response.Value("Sec-WebSocket-Extensions"),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + one.answer);
    for (const Size& size : kMessageSizes) Exchange(client, kContents[0], size, one.window_bits, 2);
  }
}

}  // namespace
}  // namespace hawser::integration
