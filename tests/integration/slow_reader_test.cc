// Peers that do not read: what the sockets of hawser hold meanwhile, that nothing is lost if they read again,
// and how their tunnels end if they never do.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <deque>
#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/socket_memory.h"

namespace hawser::integration::slow_reader_test {
namespace {

constexpr size_t kTunnels = 20;
constexpr uint64_t kFrames = 16;  // of 1 MiB

std::string NumberedFrame(uint64_t number, bool masked) {
  const Frame frame{.opcode = kBinary, .payload = NumberedBlock(number)};
  return masked ? EncodeMasked(frame) : Encode(frame);
}

// Numbered frames that a peer sends as far as its socket takes them.
struct Sender {
  Wire* wire;
  bool masked;
  uint64_t next = 0;
  std::string rest = {};

  // False: the socket takes nothing more for now, or all were sent.
  bool SendSome() {
    if (rest.empty() && next < kFrames) rest = NumberedFrame(next++, masked);
    if (rest.empty()) return false;
    const size_t taken = wire->SendSome(rest);
    rest.erase(0, taken);
    return taken > 0;
  }
  bool done() const { return rest.empty() && next == kFrames; }
};

// Sends until nobody has taken anything for many looks in a row.
void SendUntilStalled(std::deque<Sender>& senders) {
  int quiet = 0;
  ASSERT_TRUE(Eventually([&] {
    bool any = false;
    for (Sender& sender : senders) {
      while (sender.SendSome()) any = true;
    }
    quiet = any ? 0 : quiet + 1;
    return quiet > 100;
  }));
}

struct Case {
  bool tls = false;
  bool from_client = false;
  std::string socket_buffer;  // empty: the default
};

class Slow : public testing::Test {
 protected:
  Config ConfigFor(const Case& slow) {
    Config config{.websocket = {"send_timeout: 0s"}};
    if (!slow.socket_buffer.empty()) config.websocket.push_back("socket_buffer: " + slow.socket_buffer);
    if (slow.tls) {
      const CertificateFiles files = MakeCertificate(directory_, "slow", {"hawser.test"});
      config.listener = {fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                                     files.certificate, files.private_key)};
    }
    return config;
  }

  // Opens the tunnels, has one side of each send 16 MiB that the other does not read, and returns the bytes
  // that hawser's own sockets hold for a tunnel then.
  size_t Stall(OneBackend& world, const Case& slow) {
    for (size_t i = 0; i < kTunnels; ++i) tunnels_.push_back(world.Open({}, {}, {.tls = slow.tls}));
    for (Tunnel& tunnel : tunnels_)
      senders_.push_back({slow.from_client ? &tunnel.client : &tunnel.backend, slow.from_client});
    SendUntilStalled(senders_);
    const SocketMemory clients = SocketMemoryOf(PortOf(world.hawser().listener().c_str()), 0);
    const SocketMemory backends = SocketMemoryOf(0, PortOf(world.backend().address().c_str()));
    EXPECT_EQ(clients.sockets, kTunnels);
    EXPECT_EQ(backends.sockets, kTunnels);
    return (clients.bytes + backends.bytes) / kTunnels;
  }

  void ExpectBounded(const Case& slow) {
    OneBackend world(ConfigFor(slow));
    EXPECT_LE(Stall(world, slow), 576U * 1024);
    ExpectIntact(slow);
  }

  // Reads everything in one of the tunnels.
  void ExpectIntact(const Case& slow) {
    Sender& sender = senders_.front();
    EXPECT_FALSE(sender.done()) << "somebody buffers what is not read";
    std::thread rest([&] {
      while (!sender.done() && !testing::Test::HasFailure()) {
        if (!sender.SendSome()) std::this_thread::yield();
      }
    });
    Wire& reader = slow.from_client ? tunnels_.front().backend : tunnels_.front().client;
    for (uint64_t number = 0; number < kFrames; ++number) {
      const std::string expected = NumberedFrame(number, slow.from_client);
      EXPECT_TRUE(reader.Read(expected.size()) == expected) << "frame " << number;
    }
    rest.join();
  }

  Directory directory_;
  std::deque<Tunnel> tunnels_;
  std::deque<Sender> senders_;
};

TEST_F(Slow, ClientsTakeLittleOfTheKernelsMemoryAndLoseNothing) {
  ExpectBounded({});
}

TEST_F(Slow, TlsClientsTakeLittleOfTheKernelsMemoryAndLoseNothing) {
  ExpectBounded({.tls = true});
}

TEST_F(Slow, BackendsTakeLittleOfTheKernelsMemoryAndLoseNothing) {
  ExpectBounded({.from_client = true});
}

TEST_F(Slow, ClientsTakeMuchMoreWhereTheKernelAloneDecides) {
  const Case slow{.socket_buffer = "0"};
  OneBackend world(ConfigFor(slow));
  EXPECT_GT(Stall(world, slow), 1024U * 1024);
}

// --- send_timeout ---

TEST(SendTimeout, EndsATunnelWhoseClientDoesNotRead) {
  OneBackend world({.websocket = {"send_timeout: 400ms", "close_timeout: 1h"}});
  Tunnel tunnel = world.Open();
  Sender sender{&tunnel.backend, false};
  ASSERT_TRUE(Eventually([&] {
    sender.SendSome();
    return tunnel.backend.HasInput();
  }));
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  tunnel.backend.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["reason"], "slow_consumer");
  EXPECT_EQ(line["closed_by"], "timeout");
  EXPECT_EQ(line["flag"], "WSC");
  EXPECT_TRUE(world.hawser().MetricIs("hawser_rejects_total", 1, {"reason=\"slow_consumer\""}));
  EXPECT_NE(tunnel.client.ReadEnd(), End::kOpen);
}

TEST(SendTimeout, EndsATunnelWhoseBackendDoesNotRead) {
  OneBackend world({.websocket = {"send_timeout: 400ms", "backend_lost_code: 3001"}});
  Tunnel tunnel = world.Open();
  Sender sender{&tunnel.client, true};
  ASSERT_TRUE(Eventually([&] {
    sender.SendSome();
    return tunnel.client.HasInput();
  }));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 3001);
  tunnel.client.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["reason"], "slow_consumer");
  EXPECT_EQ(line["close_code"], "3001");
  EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
}

// Its stream's window is closed, with the end of a frame behind it.
TEST(SendTimeout, TellsAnHttp2ClientThatReadsAfterAll) {
  Config config = PriorKnowledge();
  config.websocket = {"send_timeout: 400ms", "close_timeout: 1h"};
  OneBackend world(config);
  Http2Client client(world.Connect(), {.reads = false, .window = 100});
  ASSERT_TRUE(client.Await([&] { return client.settings_received(); }));
  const int32_t stream = client.WebSocket("/");
  Wire backend = world.backend().Accept();
  backend.Send(SwitchingProtocols(ReadHead(backend)));
  EXPECT_EQ(client.AwaitHead(stream).status, 200);
  const std::string frame = Encode({.payload = std::string(120, 'x')});
  backend.Send(frame);
  EXPECT_EQ(ReadFrame(backend).close_code(), 1001);
  backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1001)}));
  client.SendRaw(std::string("\0\0\4\10\0\0\0\0", 8) + static_cast<char>(stream) +
                 std::string("\0\0\10\0", 4));
  const std::string rest = client.wire().ReadThrough("in time.");
  EXPECT_THAT(rest, testing::HasSubstr(std::string(22, 'x'))) << "what the window had no room for";
  EXPECT_THAT(rest, testing::HasSubstr(ClosePayload(1013)));
  client.wire().Close();
  backend.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "slow_consumer");
}

TEST(SendTimeout, SparesAClientThatReadsSlowly) {
  OneBackend world({.websocket = {"send_timeout: 1500ms"}});
  Tunnel tunnel = world.Open();
  Sender sender{&tunnel.backend, false};
  const auto until = Clock::now() + 4s;
  while (Clock::now() < until) {
    while (sender.SendSome()) {
    }
    ASSERT_EQ(tunnel.client.Read(64 * 1024).size(), 64U * 1024) << "it still reads";
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_FALSE(tunnel.backend.HasInput()) << "no close frame";
  EXPECT_FALSE(sender.done()) << "something waits all the time";
}

}  // namespace
}  // namespace hawser::integration::slow_reader_test
