// TLS to backends: which certificates are trusted, what hawser shows of itself, and that tunnels and requests
// pass through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

class BackendTls : public testing::Test {
 protected:
  BackendTls() : server_(MakeCertificate(directory_, "server", {"backend.test"})) {}

  OneBackend& World(const std::string& tls) {
    return world_.emplace(Config{.cluster = {"tls: { " + tls + " }"}});
  }
  std::string Trusting() const { return "ca_file: " + server_.certificate + ", server_name: backend.test"; }

  // A request, and the connection that it arrives on.
  Wire Arrive(OneBackend& world, Wire& client, const std::string& request, const ServeOptions& options) {
    client = world.Connect();
    client.Send(request);
    Wire backend = world.backend().Accept();
    backend.ServeTls(options);
    return backend;
  }
  ServeOptions Served() const {
    return {.certificate = server_.certificate, .private_key = server_.private_key, .client_ca = {}};
  }

  Directory directory_;
  const CertificateFiles server_;
  std::optional<OneBackend> world_;
};

TEST_F(BackendTls, CarriesTunnelsAndRequests) {
  OneBackend& world = World(Trusting());
  Wire client;
  Wire backend = Arrive(world, client, Request{}.Text(), Served());
  EXPECT_STREQ(SSL_get_servername(backend.ssl(), TLSEXT_NAMETYPE_host_name), "backend.test");
  backend.Send(SwitchingProtocols(ReadHead(backend)));
  EXPECT_EQ(ReadHead(client).status(), 101);
  const Frame frame{.opcode = kBinary, .payload = std::string(1 << 20, 'x')};
  std::thread up([&] { client.Send(EncodeMasked(frame)); });
  EXPECT_TRUE(ReadFrame(backend).payload == frame.payload);
  up.join();
  std::thread back([&] { backend.Send(Encode(frame)); });
  EXPECT_TRUE(ReadFrame(client) == frame);
  back.join();

  Wire plain;
  Wire kept = Arrive(world, plain, PlainGet("/"), Served());
  ReadHead(kept);
  kept.Send(Response("200 OK", "one"));
  EXPECT_EQ(ReadBody(plain, ReadHead(plain)), "one");
  plain.Send(PlainGet("/"));
  ReadHead(kept);
  kept.Send(Response("200 OK", "two"));
  EXPECT_EQ(ReadBody(plain, ReadHead(plain)), "two");
}

TEST_F(BackendTls, AnUntrustedBackendGetsNoRequest) {
  const CertificateFiles other = MakeCertificate(directory_, "other", {"backend.test"});
  for (const std::string& tls :
       {"ca_file: " + other.certificate + ", server_name: backend.test",  // of another authority
        "ca_file: " + server_.certificate + ", server_name: wrong.test",  // of another name
        "ca_file: " + server_.certificate,                                // the address is no name of it
        std::string("server_name: backend.test")}) {                      // the system does not know it
    OneBackend& world = World(tls);
    Wire client;
    Wire backend = Arrive(world, client, PlainGet("/"), Served());
    EXPECT_EQ(ReadHead(client).status(), 503) << tls;
    std::string seen;
    backend.ReadEnd(&seen);
    EXPECT_EQ(seen, "") << tls;
    EXPECT_EQ(world.hawser().WaitForLog()["reason"], "connect_failed");
    EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_connect_failures_total", 1)) << tls;
  }
}

TEST_F(BackendTls, VerificationCanBeTurnedOff) {
  OneBackend& world = World("verify: false");
  Wire client;
  Wire backend = Arrive(world, client, PlainGet("/"), Served());
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
}

TEST_F(BackendTls, HawserShowsItsOwnCertificateWhereOneIsAskedFor) {
  const CertificateFiles own = MakeCertificate(directory_, "own", {"hawser.test"});
  OneBackend& world =
      World(Trusting() + ", certificate: " + own.certificate + ", private_key: " + own.private_key);
  Wire client;
  ServeOptions options = Served();
  options.client_ca = own.certificate;
  Wire backend = Arrive(world, client, PlainGet("/"), options);
  EXPECT_EQ(backend.peer_name(), "hawser.test");
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
}

TEST_F(BackendTls, SessionsAreResumed) {
  OneBackend& world = World(Trusting());
  const auto context = MakeServerContext(Served());
  ServeOptions options = Served();
  options.context = context.get();
  bool resumed[2];
  for (bool& was_resumed : resumed) {
    Wire client;
    Wire backend = Arrive(world, client, PlainGet("/"), options);
    was_resumed = SSL_session_reused(backend.ssl()) == 1;
    ReadHead(backend);
    backend.Send(Response("200 OK", "x", {{"Connection", "close"}}));
    EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  }
  EXPECT_FALSE(resumed[0]);
  EXPECT_TRUE(resumed[1]);
}

TEST_F(BackendTls, AHandshakeThatStandsStillTimesOut) {
  OneBackend& world = world_.emplace(Config{.cluster = {"tls: { verify: false }", "connect_timeout: 50ms"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(client).status(), 504);
}

}  // namespace
}  // namespace hawser::integration
