// A server that refuses an upload reads a part of it, gives the reason in a close frame, and closes its
// connection with unread bytes of the upload: its system answers further bytes with a reset, and hawser's
// next write fails. The close frame came before that, and must reach the client, however the upload was
// forwarded.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

constexpr int kRounds = 20;

struct Way {
  std::string name;
  size_t frame = 16'000;  // bytes of payload
  std::vector<std::string> websocket = {};
  bool client_tls = false;
  bool backend_tls = false;
  std::string extensions = {};  // that the client offers
};

// Fragments of one message that never ends.
class Upload {
 public:
  explicit Upload(size_t frame)
      : first_(EncodeMasked({.opcode = kBinary, .fin = false})),
        next_(EncodeMasked({.opcode = kContinuation, .payload = std::string(frame, 'u'), .fin = false})) {}

  // As much as the client's socket takes now.
  void SendSome(Wire& client) {
    if (left_.empty()) left_ = next_;
    left_.remove_prefix(client.SendSome(left_));
  }

 private:
  const std::string first_;
  const std::string next_;
  std::string_view left_ = first_;
};

uint16_t CloseCode(Wire& client) {
  for (Frame frame = ReadFrame(client); !frame.ended(); frame = ReadFrame(client)) {
    if (frame.opcode == kClose) return frame.close_code();
  }
  return 0;
}

class LastWords : public testing::TestWithParam<Way> {
 protected:
  Directory directory_;
};

TEST_P(LastWords, OfAServerThatRefusesAnUploadReachItsClient) {
  const Way& way = GetParam();
  const CertificateFiles files = MakeCertificate(directory_, "server", {"hawser.test"});
  Config config{.websocket = way.websocket};
  if (way.client_tls)
    config.listener = {"tls: { certificates: [ { certificate: " + files.certificate +
                       ", private_key: " + files.private_key + " } ] }"};
  if (way.backend_tls)
    config.cluster = {"tls: { ca_file: " + files.certificate + ", server_name: hawser.test }"};
  OneBackend world(config);
  for (int round = 0; round < kRounds; ++round) {
    Wire client = world.Connect({.tls = way.client_tls});
    Request request;
    if (!way.extensions.empty()) request.more = {{"Sec-WebSocket-Extensions", way.extensions}};
    client.Send(request.Text());
    Wire backend = world.backend().Accept();
    if (way.backend_tls) {
      ASSERT_TRUE(backend.ServeTls({.certificate = files.certificate, .private_key = files.private_key}));
    }
    backend.Send(SwitchingProtocols(ReadHead(backend)));
    ASSERT_EQ(ReadHead(client).status(), 101);
    std::thread server([&] {
      backend.Read(1 << 20);
      backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1009, "too big")}));
      backend.Close();
    });
    Upload upload(way.frame);
    while (!client.HasInput()) upload.SendSome(client);
    EXPECT_EQ(CloseCode(client), 1009) << "round " << round;
    server.join();
  }
}

std::vector<Way> Ways() {
  const std::string rate = "byte_rate: { from_client: { rate: 10GB/s }, from_backend: { rate: 10GB/s } }";
  return {{.name = "Read"},
          {.name = "Spliced", .frame = 1 << 20},
          {.name = "UnderARate", .frame = 1 << 20, .websocket = {rate}},
          {.name = "Inflated", .websocket = {"compression: offload"}, .extensions = "permessage-deflate"},
          {.name = "FromTls", .frame = 1 << 20, .client_tls = true},
          {.name = "ToTls", .frame = 1 << 20, .backend_tls = true},
          {.name = "Uninspected", .frame = 1 << 20, .websocket = {"inspection: off"}}};
}

INSTANTIATE_TEST_SUITE_P(Ways, LastWords, testing::ValuesIn(Ways()),
                         [](const auto& one) { return one.param.name; });

// client ─HTTP/1.1─▶ front ─HTTP/2─▶ back ─HTTP/1.1─▶ backend
TEST(LastWordsOverHttp2, ReachTheClient) {
  FakeBackend backend;
  HawserProcess back(
      Config{.endpoints = {backend.address()}, .listener = {"http2: { prior_knowledge: true }"}}.Yaml());
  HawserProcess front(Config{.endpoints = {back.listener()}, .cluster = {"protocol: h2"}}.Yaml());
  for (int round = 0; round < kRounds; ++round) {
    Wire client = Wire::Connect(front.listener());
    client.Send(Request{}.Text());
    Wire server = backend.Accept();
    server.Send(SwitchingProtocols(ReadHead(server)));
    ASSERT_EQ(ReadHead(client).status(), 101);
    std::thread refusing([&] {
      server.Read(1 << 20);
      server.Send(Encode({.opcode = kClose, .payload = ClosePayload(1009, "too big")}));
      server.Close();
    });
    Upload upload(16'000);
    while (!client.HasInput()) upload.SendSome(client);
    EXPECT_EQ(CloseCode(client), 1009) << "round " << round;
    refusing.join();
  }
}

}  // namespace
}  // namespace hawser::integration
