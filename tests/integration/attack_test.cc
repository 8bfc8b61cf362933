// Attacks on the real binary by many clients, while one tunnel is honest: its echoes come, newcomers are
// served, what is done is counted, and nothing of it stays when the attackers have left. How much a single
// attacker may send is tested where the limit is (ip_limits, deadlines, tunnel_limits, http2_attack).
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <optional>

#include "tests/integration/harness/attackers.h"
#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/http2_frames.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

struct AttackCase {
  std::string name;
  bool tls = false;
  std::vector<std::string> listener = {};  // further lines of the configuration
  std::vector<std::string> websocket = {};
  Harm (*harm)();
  // The attack is under way, and shows, when this has come so far.
  std::string metric;
  std::vector<std::string> labels = {};
  double least;
};

constexpr int kPipe = 2;  // descriptors that a worker keeps once it has spliced a large frame

std::string Times(int count, std::string_view part) {
  std::string all;
  for (int i = 0; i < count; ++i) all += part;
  return all;
}

// A tunnel in which the same frames come over and over.
Harm InTunnel(std::string again, int connections = 4) {
  return {
      .connections = connections, .first = Request{}.Text(), .again = std::move(again), .after_answer = true};
}

const AttackCase kAttacks[] = {
    {.name = "ResetBehindTheClientHello",
     .tls = true,
     .harm =
         [] { return Harm{.first = ClientHello(), .leaves = Harm::Leaves::kWhenAnswered, .resets = true}; },
     .metric = "hawser_tls_handshakes_total",
     .labels = {"result=\"failed\""},
     .least = 300},
    {.name = "GarbageInsteadOfTls",
     .tls = true,
     .harm = [] { return Harm{.first = Times(100, "no TLS")}; },
     .metric = "hawser_tls_handshakes_total",
     .labels = {"result=\"failed\""},
     .least = 300},
    {.name = "GarbageInARecord",
     .tls = true,
     .harm = [] { return Harm{.first = std::string("\x16\x03\x01\x02\x00", 5) + std::string(512, 'x')}; },
     .metric = "hawser_tls_handshakes_total",
     .labels = {"result=\"failed\""},
     .least = 300},
    {.name = "HalfAClientHello",
     .tls = true,
     .listener = {"timeouts: { tls_handshake: 500ms, request_headers: 1h }"},
     .harm = [] { return Harm{.connections = 200, .first = ClientHello().substr(0, 100)}; },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"tls_timeout\""},
     .least = 200},
    {.name = "ConnectAndClose",
     .harm = [] { return Harm{.leaves = Harm::Leaves::kAtOnce}; },
     .metric = "hawser_connections_closed_total",
     .least = 500},
    {.name = "ConnectAndReset",
     .harm = [] { return Harm{.leaves = Harm::Leaves::kAtOnce, .resets = true}; },
     .metric = "hawser_connections_closed_total",
     .least = 500},
    {.name = "Silence",
     .listener = {"timeouts: { request_headers: 500ms }"},
     .harm = [] { return Harm{.connections = 200}; },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"request_timeout\""},
     .least = 200},
    {.name = "SlowHeads",
     .listener = {"timeouts: { request_headers: 500ms }", "limits: { request_head: 1MiB }"},
     .harm =
         [] {
           return Harm{.connections = 100,
                       .first = "GET / HTTP/1.1\r\nHost: hawser.test\r\nX: ",
                       .again = "x",
                       .a_byte_at_a_time = true};
         },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"request_timeout\""},
     .least = 100},
    {.name = "SlowBodies",
     .harm =
         [] {
           return Harm{.connections = 100,
                       .first = "POST / HTTP/1.1\r\nHost: hawser.test\r\nContent-Length: 1000000000\r\n\r\n",
                       .again = "x",
                       .a_byte_at_a_time = true};
         },
     .metric = "hawser_requests_total",
     .least = 100},
    {.name = "TinyMessages",
     .harm = [] { return InTunnel(Times(2000, EncodeMasked({.payload = "x"}))); },
     .metric = "hawser_messages_total",
     .labels = {"direction=\"client_to_backend\""},
     .least = 10'000},
    {.name = "TinyMessagesOverTheirRate",
     .websocket = {"message_rate: { from_client: { rate: 100/s, over_limit: close } }"},
     .harm = [] { return InTunnel(Times(2000, EncodeMasked({.payload = "x"}))); },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"message_rate\""},
     .least = 20},
    {.name = "EmptyPings",
     .harm = [] { return InTunnel(Times(2000, EncodeMasked({.opcode = kPing}))); },
     .metric = "hawser_tunnel_bytes_total",
     .labels = {"direction=\"client_to_backend\""},
     .least = 60'000},
    {.name = "EmptyPingsOverTheirRate",
     .websocket = {"message_rate: { from_client: { rate: 100/s, over_limit: close } }"},
     .harm = [] { return InTunnel(Times(2000, EncodeMasked({.opcode = kPing}))); },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"message_rate\""},
     .least = 20},
    {.name = "EmptyFragments",
     .harm =
         [] {
           Harm harm = InTunnel(Times(2000, EncodeMasked({.opcode = kContinuation, .fin = false})));
           harm.first += EncodeMasked({.payload = "x", .fin = false});
           return harm;
         },
     .metric = "hawser_tunnel_bytes_total",
     .labels = {"direction=\"client_to_backend\""},
     .least = 60'000},
    {.name = "EmptyFragmentsOverTheirRate",
     .websocket = {"byte_rate: { from_client: { rate: 10KB/s, over_limit: close } }"},
     .harm =
         [] {
           Harm harm = InTunnel(Times(2000, EncodeMasked({.opcode = kContinuation, .fin = false})));
           harm.first += EncodeMasked({.payload = "x", .fin = false});
           return harm;
         },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"byte_rate\""},
     .least = 20},
    {.name = "AFrameOf1GiBAByteAtATime",
     .harm =
         [] {
           Harm harm = InTunnel("x", 50);
           harm.first += EncodeHead({.opcode = kBinary}, 1 << 30, true);
           harm.a_byte_at_a_time = true;
           return harm;
         },
     .metric = "hawser_tunnel_bytes_total",
     .labels = {"direction=\"client_to_backend\""},
     .least = 5000},
    {.name = "AFrameOf1GiBOverItsLimit",
     .websocket = {"max_frame_bytes: 1MiB"},
     .harm =
         [] {
           Harm harm = InTunnel("x");
           harm.first += EncodeHead({.opcode = kBinary}, 1 << 30, true);
           return harm;
         },
     .metric = "hawser_rejects_total",
     .labels = {"reason=\"frame_too_large\""},
     .least = 20},
    {.name = "EchoesThatNobodyReads",
     .harm =
         [] {
           Harm harm = InTunnel(EncodeMasked({.opcode = kBinary, .payload = std::string(60'000, 'x')}), 20);
           harm.reads = false;
           return harm;
         },
     .metric = "hawser_backpressure_pauses_total",
     .labels = {"peer=\"backend\""},
     .least = 20},
    // They go on behind the GOAWAY.
    {.name = "Http2Pings",
     .listener = {"http2: { prior_knowledge: true }", "timeouts: { linger: 100ms }"},
     .harm =
         [] {
           return Harm{.connections = 10,
                       .first = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + RawFrame(NGHTTP2_SETTINGS, 0, 0, ""),
                       .again = Times(2000, RawFrame(NGHTTP2_PING, 0, 0, "12345678"))};
         },
     .metric = "hawser_http2_abuse_total",
     .labels = {"kind=\"pings\""},
     .least = 50},
};

class UnderAttack : public testing::TestWithParam<AttackCase> {
 protected:
  UnderAttack() {
    Config config{
        .endpoints = {echo_.address()}, .listener = GetParam().listener, .websocket = GetParam().websocket};
    if (GetParam().tls) {
      const CertificateFiles files = MakeCertificate(directory_, "server", {"hawser.test"});
      config.listener.push_back(
          fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                      files.certificate, files.private_key));
    }
    hawser_.emplace(config.Yaml());
  }

  HawserProcess& hawser() { return *hawser_; }
  // On a loaded machine even the honest may miss a deadline that a test has made short; they come again.
  Wire Comes() {
    Wire wire;
    EXPECT_TRUE(Eventually([&] {
      wire = Join(hawser().listener(), {}, nullptr, {.tls = GetParam().tls});
      return wire.open();
    }));
    return wire;
  }
  static void ExpectEcho(Wire& wire, const std::string& message) {
    EXPECT_TRUE(wire.Send(EncodeMasked({.payload = message})));
    EXPECT_EQ(ReadFrame(wire).payload, message);
  }
  static double Number(double normally) { return IsSanitized() ? normally / 5 : normally; }

 private:
  Directory directory_;
  EchoBackend echo_{"echo"};
  std::optional<HawserProcess> hawser_;
};

TEST_P(UnderAttack, TheHonestAreServedAndNothingStays) {
  const AttackCase& attack = GetParam();
  Wire honest = Comes();
  ExpectEcho(honest, "before");
  const int files = hawser().OpenFiles();
  const size_t memory = hawser().ResidentBytes();
  {
    const Attackers attackers(hawser().listener(), attack.harm());
    EXPECT_TRUE(hawser().MetricReaches(attack.metric, Number(attack.least), attack.labels));
    for (int i = 0; i < 5; ++i) ExpectEcho(honest, fmt::format("meanwhile {}", i));
    for (int i = 0; i < 3; ++i) {
      Wire newcomer = Comes();
      ExpectEcho(newcomer, "new");
    }
  }
  EXPECT_TRUE(hawser().MetricIs("hawser_connections_open", 1));
  EXPECT_TRUE(hawser().MetricIs("hawser_tunnels_open", 1));
  EXPECT_TRUE(Eventually([&] { return hawser().OpenFiles() <= files + kPipe; }));
  // The heap keeps what all of them needed at one time: 20 MiB for HTTP/2, and no more in the next round. A
  // sanitizer keeps what was freed.
  if (!IsSanitized()) {
    EXPECT_LT(hawser().ResidentBytes(), memory + 32 * kMiB + MostGrowth());
  }
  ExpectEcho(honest, "after");
}

INSTANTIATE_TEST_SUITE_P(By, UnderAttack, testing::ValuesIn(kAttacks),
                         [](const testing::TestParamInfo<AttackCase>& one) { return one.param.name; });

}  // namespace
}  // namespace hawser::integration
