// The TLS edge: versions, certificates by name, tickets, and clients that do not speak it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

class Tls : public testing::Test {
 protected:
  Tls() {
    default_ = MakeCertificate(directory_, "default", {"default.test"});
    exact_ = MakeCertificate(directory_, "exact", {"exact.test", "also.test"});
    wildcard_ = MakeCertificate(directory_, "wildcard", {"*.wild.test"});
  }

  // A listener with the three certificates; `more` continues the tls map.
  Config With(const std::string& more = "", const std::string& timeouts = "tls_handshake: 30s") {
    std::string list;
    for (const CertificateFiles& files : {default_, exact_, wildcard_}) {
      list += fmt::format("{{ certificate: {}, private_key: {} }}, ", files.certificate, files.private_key);
    }
    return {.listener = {"tls: { certificates: [ " + list + " ]" + more + " }",
                         "timeouts: { " + timeouts + " }"}};
  }

  Directory directory_;
  CertificateFiles default_;
  CertificateFiles exact_;
  CertificateFiles wildcard_;
};

TEST_F(Tls, CarriesMessagesOfEverySizeByBothVersions) {
  OneBackend world(With());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Tunnel tunnel = world.Open({}, {}, {.tls = true, .max_tls_version = version});
    EXPECT_EQ(SSL_version(tunnel.client.ssl()), version);
    EXPECT_EQ(tunnel.request.Value("X-Forwarded-Proto"), "https");
    for (const size_t size : {0, 1, 125, 16384, 16385, 65536, 4 << 20}) {
      const Frame frame{.opcode = kBinary, .payload = std::string(size, static_cast<char>(size))};
      std::thread up([&] { tunnel.client.Send(EncodeMasked(frame)); });
      EXPECT_TRUE(ReadFrame(tunnel.backend).payload == frame.payload) << size;
      up.join();
      std::thread back([&] { tunnel.backend.Send(Encode(frame)); });
      EXPECT_TRUE(ReadFrame(tunnel.client) == frame) << size;
      back.join();
    }
  }
}

TEST_F(Tls, TheCertificateFollowsTheName) {
  OneBackend world(With());
  const auto name_for = [&world](const std::string& server_name) {
    return world.Connect({.tls = true, .server_name = server_name}).peer_name();
  };
  EXPECT_EQ(name_for("exact.test"), "exact.test");
  EXPECT_EQ(name_for("EXACT.test"), "exact.test");
  EXPECT_EQ(name_for("also.test"), "exact.test");
  EXPECT_EQ(name_for("a.wild.test"), "*.wild.test");
  EXPECT_EQ(name_for("a.b.wild.test"), "default.test");
  EXPECT_EQ(name_for("wild.test"), "default.test");
  EXPECT_EQ(name_for("unknown.test"), "default.test");
  EXPECT_EQ(name_for(""), "default.test");
}

TEST_F(Tls, StrictSniRefusesNamesThatNoCertificateCarries) {
  OneBackend world(With(", strict_sni: true"));
  EXPECT_TRUE(world.Connect({.tls = true, .server_name = "exact.test"}).open());
  EXPECT_FALSE(world.Connect({.tls = true, .server_name = "unknown.test"}).open());
  EXPECT_FALSE(world.Connect({.tls = true}).open());
}

TEST_F(Tls, OldVersionsAreRefused) {
  OneBackend world(With());
  EXPECT_FALSE(world.Connect({.tls = true, .max_tls_version = TLS1_1_VERSION}).open());
  EXPECT_TRUE(world.Connect({.tls = true, .max_tls_version = TLS1_2_VERSION}).open());
  OneBackend modern(With(", min_version: TLSv1.3"));
  EXPECT_FALSE(modern.Connect({.tls = true, .max_tls_version = TLS1_2_VERSION}).open());
  EXPECT_TRUE(modern.Connect({.tls = true}).open());
}

TEST_F(Tls, AlpnPrefersHttp2) {
  OneBackend world(With());
  const std::string http11_first("\x08http/1.1\x02h2", 12);
  EXPECT_EQ(world.Connect({.tls = true, .alpn = http11_first}).alpn(), "h2");
}

TEST_F(Tls, AlpnOffersHttp11AloneWhereHttp2IsOff) {
  Config config = With();
  config.listener.push_back("http2: { enabled: false }");
  OneBackend world(config);
  const std::string h2_first("\x02h2\x08http/1.1", 12);
  Tunnel tunnel = world.Open({}, {}, {.tls = true, .alpn = h2_first});
  EXPECT_EQ(tunnel.client.alpn(), "http/1.1");
  ExpectAlive(tunnel);
}

// A session that the server gave, for another connection.
SslSession SessionOf(OneBackend& world, int version) {
  Wire client = world.Connect({.tls = true, .max_tls_version = version});
  client.Send(Request{.ws_version = "12"}.Text());  // the answer brings TLS 1.3's tickets with it
  EXPECT_EQ(ReadHead(client).status(), 426);
  SSL_shutdown(client.ssl());
  return SslSession(SSL_get1_session(client.ssl()));
}

TEST_F(Tls, ATicketResumesOnEveryWorker) {
  Config config = With();
  config.concurrency = 2;
  OneBackend world(config);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const SslSession session = SessionOf(world, version);
    for (int i = 0; i < 8; ++i) {
      // A copy: the library marks a session of a connection that was cut as not resumable.
      const SslSession copy(SSL_SESSION_dup(session.get()));
      Wire again = world.Connect({.tls = true, .max_tls_version = version, .session = copy.get()});
      ASSERT_TRUE(again.open());
      EXPECT_TRUE(SSL_session_reused(again.ssl()));
    }
  }
}

TEST_F(Tls, WithoutTicketsNothingIsResumed) {
  OneBackend world(With(", session_tickets: { enabled: false }"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const SslSession session = SessionOf(world, version);
    Wire again = world.Connect({.tls = true, .max_tls_version = version, .session = session.get()});
    ASSERT_TRUE(again.open());
    EXPECT_FALSE(SSL_session_reused(again.ssl()));
  }
}

TEST_F(Tls, AHandshakeThatStallsMeetsItsDeadline) {
  OneBackend world(With("", "tls_handshake: 300ms, request_headers: 1h"));
  Wire silent = world.Connect();
  Wire started = world.Connect();
  started.Send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  EXPECT_NE(silent.ReadEnd(), End::kOpen);
  EXPECT_NE(started.ReadEnd(), End::kOpen);
  Tunnel tunnel = world.Open({}, {}, {.tls = true});
  ExpectAlive(tunnel);
}

TEST_F(Tls, WhatIsNoTlsEndsItsOwnConnectionOnly) {
  OneBackend world(With());
  Tunnel tunnel = world.Open({}, {}, {.tls = true});
  for (const std::string& garbage : {PlainGet("/"), std::string(10000, '\xff'), std::string(5, '\0'),
                                     std::string("\x16\x03\x01\xff\xff", 5) + std::string(70000, 'x')}) {
    Wire wire = world.Connect();
    wire.Send(garbage);
    EXPECT_NE(wire.ReadEnd(), End::kOpen);
  }
  ExpectAlive(tunnel);
}

TEST_F(Tls, ATunnelEndsWithCloseNotify) {
  OneBackend world(With());
  Tunnel tunnel = world.Open({}, {}, {.tls = true});
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000, "end")}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_reason(), "end");
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Close();
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
}

TEST_F(Tls, AClientThatEndsWithOrWithoutCloseNotifyEndsItsBackend) {
  OneBackend world(With());
  for (int way = 0; way < 3; ++way) {
    Tunnel tunnel = world.Open({}, {}, {.tls = true});
    if (way == 0) tunnel.client.ShutdownWrite();
    if (way == 1) tunnel.client.Close();
    if (way == 2) tunnel.client.Reset();
    EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001) << way;
  }
}

TEST_F(Tls, AFloodOfHandshakesLeavesTunnelsAlive) {
  OneBackend world(With());
  Tunnel tunnel = world.Open({}, {}, {.tls = true});
  std::vector<std::thread> flood;
  std::atomic<int> done = 0;
  for (int i = 0; i < 4; ++i) {
    flood.emplace_back([&] {
      for (int n = 0; n < 50; ++n) done += world.Connect({.tls = true}).open();
    });
  }
  for (int i = 0; i < 100; ++i) ExpectAlive(tunnel);
  for (std::thread& thread : flood) thread.join();
  EXPECT_EQ(done, 200);
}

TEST_F(Tls, TheAffinityCookieIsSecure) {
  Config config = With();
  config.cluster = {"affinity: { cookie: { name: moor, keys: [ 0123456789abcdef0123456789abcdef ] } }"};
  OneBackend world(config);
  const Tunnel tunnel = world.Open({}, {}, {.tls = true});
  EXPECT_THAT(tunnel.response.Value("Set-Cookie"), testing::HasSubstr("Secure"));
}

}  // namespace
}  // namespace hawser::integration
