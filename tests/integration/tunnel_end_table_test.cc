// All endings in one table: who ends the tunnel and how, what each peer then sees, and what the log says.
// Whatever the ending, both sockets and every lease (of the client's address, of the listener, of the
// endpoint) are gone after it.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <functional>
#include <thread>

#include <fmt/format.h>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

// How the tunnel ended for one peer.
struct SeenByPeer {
  uint16_t code = 0;  // of the close frame that it received; 0: it received none
  End end = End::kFin;
  bool operator==(const SeenByPeer&) const = default;
};
constexpr uint16_t kNone = 0;

std::ostream& operator<<(std::ostream& out, const SeenByPeer& seen) {
  constexpr const char* kEnds[] = {"nothing", "an end", "a cut", "a reset"};
  return out << "close code " << seen.code << " and " << kEnds[static_cast<int>(seen.end)];
}

struct Ending {
  std::string who;
  std::string how;
  std::function<void(OneBackend&, Tunnel&)> act;  // a peer that it closes sees no more
  SeenByPeer client;
  SeenByPeer backend;
  std::string closed_by;
  std::string close_code;
  std::string reason;
  std::vector<std::string> websocket = {};
  bool tls = false;
  enum Mute : uint8_t { kNobody, kClientIsMute, kBackendIsMute, kBothAreMute };
  Mute mute = kNobody;  // answer no close frame
  bool process_ends = false;
};

const std::string kPart = std::string(400, 'x');

std::string ClientClose(uint16_t code) {
  return EncodeMasked({.opcode = kClose, .payload = ClosePayload(code)});
}
std::string BackendClose(uint16_t code) {
  return Encode({.opcode = kClose, .payload = ClosePayload(code)});
}

// The first 400 of 1000 bytes of a frame, and the other peer has them.
void SendPart(Wire& from, Wire& to, bool masked, uint8_t opcode = kBinary) {
  const std::string part = EncodeHead({.opcode = opcode}, 1000, masked, 0) + kPart;
  from.Send(part);
  EXPECT_EQ(to.Read(part.size()), part);
}

// A FIN of TCP, behind TLS's back.
void CutTls(Wire& wire) {
  shutdown(wire.fd(), SHUT_WR);
}

// Tables, a row an ending.
// clang-format off
std::vector<Ending> ByAPeer() {
  using World = OneBackend&;
  return {
      {"client", "close frame", [](World, Tunnel& t) { t.client.Send(ClientClose(4000)); },
       {4000}, {4000}, "client", "4000", ""},
      {"client", "close frame without a code",
       [](World, Tunnel& t) { t.client.Send(EncodeMasked({.opcode = kClose})); },
       {1005}, {1005}, "client", "1005", ""},
      {"client", "close frame, then half-close",
       [](World, Tunnel& t) { t.client.Send(ClientClose(1000)), t.client.ShutdownWrite(); },
       {1000}, {1000}, "client", "1000", ""},
      {"client", "close frame, then reset",
       [](World, Tunnel& t) {
         t.client.Send(ClientClose(1000));
         EXPECT_EQ(ReadFrame(t.backend).close_code(), 1000);
         t.client.Reset();
         t.backend.Send(BackendClose(1000));
       },
       {}, {kNone}, "client", "1000", ""},
      {"client", "FIN", [](World, Tunnel& t) { t.client.Close(); }, {}, {1001}, "client", "1006", "client_lost"},
      {"client", "half-close", [](World, Tunnel& t) { t.client.ShutdownWrite(); },
       {kNone}, {1001}, "client", "1006", "client_lost"},
      {"client", "RST", [](World, Tunnel& t) { t.client.Reset(); }, {}, {1001}, "client", "1006", "client_lost"},
      {"client", "FIN inside a frame", [](World, Tunnel& t) { SendPart(t.client, t.backend, true), t.client.Close(); },
       {}, {kNone}, "client", "1006", "client_lost"},
      {"client", "RST inside a frame", [](World, Tunnel& t) { SendPart(t.client, t.backend, true), t.client.Reset(); },
       {}, {kNone}, "client", "1006", "client_lost"},
      {"client", "close frame over TLS", [](World, Tunnel& t) { t.client.Send(ClientClose(1000)); },
       {1000}, {1000}, "client", "1000", "", {}, true},
      {"client", "close_notify", [](World, Tunnel& t) { t.client.ShutdownWrite(); },
       {kNone}, {1001}, "client", "1006", "client_lost", {}, true},
      {"client", "TLS truncation", [](World, Tunnel& t) { CutTls(t.client); },
       {kNone, End::kTruncated}, {1001}, "client", "1006", "client_lost", {}, true},
      {"client", "TLS truncation inside a frame",
       [](World, Tunnel& t) { SendPart(t.client, t.backend, true), CutTls(t.client); },
       {kNone, End::kTruncated}, {kNone}, "client", "1006", "client_lost", {}, true},
      {"backend", "close frame", [](World, Tunnel& t) { t.backend.Send(BackendClose(1000)); },
       {1000}, {1000}, "backend", "1000", ""},
      {"backend", "close frame, then FIN",
       [](World, Tunnel& t) { t.backend.Send(BackendClose(1012)), t.backend.ShutdownWrite(); },
       {1012}, {1012}, "backend", "1012", ""},
      {"backend", "close frame, then reset",
       [](World, Tunnel& t) {
         t.backend.Send(BackendClose(1012));
         EXPECT_EQ(ReadFrame(t.client).close_code(), 1012);
         t.backend.Reset();
         t.client.Send(ClientClose(1012));
       },
       {kNone}, {}, "backend", "1012", ""},
      {"backend", "FIN", [](World, Tunnel& t) { t.backend.Close(); }, {1001}, {}, "backend", "1006", "backend_lost"},
      {"backend", "half-close", [](World, Tunnel& t) { t.backend.ShutdownWrite(); },
       {1001}, {kNone}, "backend", "1006", "backend_lost"},
      {"backend", "RST", [](World, Tunnel& t) { t.backend.Reset(); }, {1001}, {}, "backend", "1006", "backend_lost"},
      {"backend", "FIN inside a frame",
       [](World, Tunnel& t) { SendPart(t.backend, t.client, false), t.backend.Close(); },
       {kNone}, {}, "backend", "1006", "backend_lost"},
      {"backend", "RST inside a frame",
       [](World, Tunnel& t) { SendPart(t.backend, t.client, false), t.backend.Reset(); },
       {kNone}, {}, "backend", "1006", "backend_lost"},
      {"backend", "FIN, and the route names another code", [](World, Tunnel& t) { t.backend.Close(); },
       {1012}, {}, "backend", "1006", "backend_lost", {"backend_lost_code: 1012"}},
      {"backend", "FIN, and the route wants no close frame", [](World, Tunnel& t) { t.backend.Close(); },
       {kNone}, {}, "backend", "1006", "backend_lost", {"backend_lost_code: 0"}},
      {"backend", "RST, and the route wants no close frame over TLS", [](World, Tunnel& t) { t.backend.Reset(); },
       {kNone}, {}, "backend", "1006", "backend_lost", {"backend_lost_code: 0"}, true},
      {"backend", "FIN behind TLS", [](World, Tunnel& t) { t.backend.Close(); },
       {1001}, {}, "backend", "1006", "backend_lost", {}, true},
  };
}

std::vector<Ending> ByHawser() {
  using World = OneBackend&;
  const auto wait = [](World, Tunnel&) {};
  const auto terminate = [](World world, Tunnel&) { world.hawser().process().Signal(SIGTERM); };
  return {
      {"policy", "a client's violation", [](World, Tunnel& t) { t.client.Send(Encode({.payload = "no mask"})); },
       {1002}, {1001}, "policy", "1002", "protocol_error"},
      {"policy", "a backend's violation", [](World, Tunnel& t) { t.backend.Send(Encode({.reserved = 0x10})); },
       {1011}, {1002}, "policy", "1002", "protocol_error"},
      {"policy", "a violation inside a frame",
       [](World, Tunnel& t) { SendPart(t.client, t.backend, true, kText), t.client.Send("\xff"); },
       {1007}, {kNone}, "policy", "1007", "invalid_utf8"},
      {"policy", "a rate",
       [](World, Tunnel& t) { t.client.Send(EncodeMasked({.payload = "one"}) + EncodeMasked({.payload = "two"})); },
       {1008}, {1001}, "policy", "1008", "message_rate",
       {"message_rate: { from_client: { rate: 1/h, over_limit: close } }"}},
      {"timeout", "idle", wait, {1001}, {1001}, "timeout", "1001", "idle_timeout", {"idle_timeout: 300ms"}},
      {"timeout", "age", wait, {1001}, {1001}, "timeout", "1001", "max_duration",
       {"max_connection_duration: { duration: 300ms, jitter: 0.0 }"}},
      {"timeout", "no pong of the client", wait, {1001}, {1001}, "timeout", "1001", "pong_timeout",
       {"keepalive: { interval: 200ms, timeout: 200ms, to: client }"}, false, Ending::kClientIsMute},
      {"timeout", "no pong of the backend", wait, {1001}, {1001}, "timeout", "1001", "pong_timeout",
       {"keepalive: { interval: 200ms, timeout: 200ms, to: backend }"}, false, Ending::kBackendIsMute},
      {"timeout", "no pong of the backend, and the route names another code", wait, {3001}, {1001}, "timeout", "3001",
       "pong_timeout",
       {"backend_lost_code: 3001", "keepalive: { interval: 200ms, timeout: 200ms, to: backend }"}, false,
       Ending::kBackendIsMute},
      {"timeout", "a client's close that the backend does not answer",
       [](World, Tunnel& t) { t.client.Send(ClientClose(1000)); },
       {1000}, {1000}, "client", "1000", "close_timeout", {"close_timeout: 300ms"}, false, Ending::kBothAreMute},
      {"timeout", "a backend's close that the client does not answer",
       [](World, Tunnel& t) { t.backend.Send(BackendClose(1000)); },
       {1000}, {1000}, "backend", "1000", "close_timeout", {"close_timeout: 300ms"}, false, Ending::kBothAreMute},
      {"drain", "SIGTERM", terminate, {1001}, {1001}, "drain", "1001", "drained", {}, false, Ending::kNobody, true},
      {"drain", "SIGTERM over TLS", terminate, {1001}, {1001}, "drain", "1001", "drained", {}, true, Ending::kNobody,
       true},
      {"drain", "SIGTERM inside a frame",
       [](World world, Tunnel& t) {
         SendPart(t.backend, t.client, false);
         world.hawser().process().Signal(SIGTERM);
         EXPECT_EQ(ReadFrame(t.backend).close_code(), 1001);
         t.backend.Send(std::string(600, 'y') + BackendClose(1001));
         EXPECT_EQ(t.client.Read(600), std::string(600, 'y')) << "the frame comes to its end first";
       },
       {1001}, {kNone}, "drain", "1001", "drained", {}, false, Ending::kNobody, true},
      {"proxy", "a second SIGTERM",
       [](World world, Tunnel&) {
         world.hawser().process().Signal(SIGTERM);
         const std::string address = world.hawser().listener();
         EXPECT_TRUE(Eventually([&] { return !Wire::Connect(address).open(); })) << "it is draining";
         world.hawser().process().Signal(SIGTERM);
       },
       // At once: a peer that answers may find a closed socket, and see a reset.
       {1001}, {1001}, "proxy", "1001", "shutdown", {}, false, Ending::kBothAreMute, true},
  };
}

// clang-format on

// Reads to the end as a peer does that answers a close frame, unless it is mute, and leaves the closing to
// the other side.
SeenByPeer Live(Wire& wire, bool client, bool mute) {
  SeenByPeer seen;
  for (Frame frame = ReadFrame(wire); !frame.ended(); frame = ReadFrame(wire)) {
    if (frame.opcode != kClose) continue;
    seen.code = frame.close_code();
    if (!mute) wire.Send(client ? EncodeMasked({.opcode = kClose, .payload = frame.payload}) : Encode(frame));
  }
  seen.end = wire.ReadEnd();
  wire.Close();
  return seen;
}

class TunnelEndTable : public testing::TestWithParam<Ending> {
 protected:
  Config ConfigFor(const Ending& ending) {
    Config config{.listener = {"limits: { connections_per_ip: 1, connections: 1 }"},
                  .websocket = ending.websocket};
    if (ending.process_ends)
      config.top = {ending.who == "proxy" ? "drain: { window: 1h }" : "drain: { window: 0s }"};
    if (config.websocket.empty()) config.websocket = {"close_timeout: 1h"};
    if (ending.tls) {
      const CertificateFiles files = MakeCertificate(directory_, "ending", {"hawser.test"});
      config.listener.push_back(
          fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                      files.certificate, files.private_key));
    }
    return config;
  }

  // One connection is all that the listener has, and all that an address may have.
  static void ExpectNothingLeft(OneBackend& world, const Ending& ending, int files_before) {
    HawserProcess& hawser = world.hawser();
    for (const char* gauge : {"hawser_tunnels_open", "hawser_connections_open", "hawser_listener_connections",
                              "hawser_endpoint_active"}) {
      EXPECT_TRUE(hawser.MetricIs(gauge, 0));
    }
    EXPECT_TRUE(Eventually([&] { return hawser.OpenFiles() <= files_before; }));
    Tunnel next = world.Open({}, {}, {.tls = ending.tls});
    ExpectAlive(next);
  }

  Directory directory_;
};

TEST_P(TunnelEndTable, IsSeenByBothPeersAndTheLogAndLeavesNothing) {
  const Ending& ending = GetParam();
  OneBackend world(ConfigFor(ending));
  const int files_before = world.hawser().OpenFiles();
  Tunnel tunnel = world.Open({}, {}, {.tls = ending.tls});
  ending.act(world, tunnel);
  SeenByPeer client = ending.client;
  SeenByPeer backend = ending.backend;
  std::thread other([&] {
    if (tunnel.backend.open()) backend = Live(tunnel.backend, false, ending.mute & Ending::kBackendIsMute);
  });
  if (tunnel.client.open()) client = Live(tunnel.client, true, ending.mute & Ending::kClientIsMute);
  other.join();
  EXPECT_EQ(client, ending.client) << "the client";
  EXPECT_EQ(backend, ending.backend) << "the backend";
  if (ending.process_ends) {
    EXPECT_EQ(world.hawser().process().Wait(), 0);
  }
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["closed_by"], ending.closed_by);
  EXPECT_EQ(line["close_code"], ending.close_code);
  EXPECT_EQ(line["reason"], ending.reason);
  if (!ending.process_ends) ExpectNothingLeft(world, ending, files_before);
}

std::string NameOf(const testing::TestParamInfo<Ending>& info) {
  std::string name = info.param.who + "_" + info.param.how;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(ByAPeer, TunnelEndTable, testing::ValuesIn(ByAPeer()), NameOf);
INSTANTIATE_TEST_SUITE_P(ByHawser, TunnelEndTable, testing::ValuesIn(ByHawser()), NameOf);

}  // namespace
}  // namespace hawser::integration
