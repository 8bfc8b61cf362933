// Backends that fail: which requests are tried again and where, which endpoints are ejected and return, and
// how the reason is reported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <map>
#include <thread>

#include "nlohmann/json.hpp"
#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Accepts and closes at once: a dead program behind a port forwarder.
class ClosingBackend {
 public:
  ClosingBackend() : thread_([this](const std::stop_token& stop) { Run(stop); }) {}
  const std::string& address() const { return backend_.address(); }
  int connections() const { return connections_; }

 private:
  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting{.fd = backend_.fd(), .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 10) <= 0) continue;
      const net::Socket taken(accept(backend_.fd(), nullptr, nullptr));
      connections_ += taken.open();
    }
  }

  FakeBackend backend_;
  std::atomic<int> connections_ = 0;
  std::jthread thread_;
};

// The log is written by a thread of its own.
bool Says(HawserProcess& hawser, const std::string& text) {
  return Eventually([&] { return hawser.process().err().find(text) != std::string::npos; });
}

nlohmann::json EndpointRow(HawserProcess& hawser, const std::string& address) {
  const auto page = nlohmann::json::parse(hawser.AdminPage("/clusters"));
  for (const auto& endpoint : page["clusters"][0]["endpoints"]) {
    if (endpoint["address"] == address) return endpoint;
  }
  ADD_FAILURE() << "no endpoint " << address << " in " << page.dump(2);
  return {};
}

std::map<int, int> Handshakes(HawserProcess& hawser, int count) {
  std::map<int, int> statuses;
  for (int i = 0; i < count; ++i) {
    Head head;
    const Wire client = Join(hawser.listener(), {}, &head);
    ++statuses[head.status()];
  }
  return statuses;
}

TEST(EndpointFailure, AnEndpointThatRefusesFailsNoHandshakeAndIsEjected) {
  for (const std::string policy : {"round_robin", "least_request", "random"}) {
    EchoBackend alive("alive");
    FakeBackend gone;
    gone.Stop();
    HawserProcess hawser(
        Config{.endpoints = {gone.address(), alive.address()}, .cluster = {"lb_policy: " + policy}}.Yaml(),
        2);  // workers, which share the failures
    EXPECT_EQ(Handshakes(hawser, 20), (std::map<int, int>{{101, 20}})) << policy;
    EXPECT_LE(hawser.Metric("hawser_endpoint_connect_failures_total"), 3) << policy;
    if (policy == "random") continue;
    const auto row = EndpointRow(hawser, gone.address());
    EXPECT_EQ(row["state"], "ejected");
    EXPECT_EQ(row["available"], false);
    EXPECT_EQ(row["why"], "Connection refused");
    EXPECT_TRUE(row.contains("until"));
    EXPECT_EQ(EndpointRow(hawser, alive.address())["state"], "in");
    EXPECT_TRUE(hawser.MetricIs("hawser_endpoint_out", 1));
    EXPECT_TRUE(hawser.MetricIs("hawser_endpoint_ejections_total", 1));
    EXPECT_TRUE(Says(hawser, "3 failures in a row, left out for 5 s"));
  }
}

TEST(EndpointFailure, AnEndpointThatClosesAtOnceFailsNoHandshake) {
  EchoBackend alive("alive");
  ClosingBackend broken;
  HawserProcess hawser(
      Config{.endpoints = {broken.address(), alive.address()}, .cluster = {"lb_policy: least_request"}}
          .Yaml());
  EXPECT_EQ(Handshakes(hawser, 20), (std::map<int, int>{{101, 20}}));
  EXPECT_LE(broken.connections(), 3);
}

TEST(EndpointFailure, WithoutRetriesAClientSeesTheFirstFailure) {
  EchoBackend alive("alive");
  ClosingBackend broken;
  HawserProcess hawser(
      Config{.endpoints = {broken.address(), alive.address()}, .cluster = {"connect_retries: 0"}}.Yaml());
  EXPECT_EQ(Handshakes(hawser, 20), (std::map<int, int>{{101, 17}, {502, 3}}));
}

TEST(EndpointFailure, TheOnlyEndpointIsNeverEjectedNorTriedTwice) {
  ClosingBackend broken;
  HawserProcess hawser(Config{.endpoints = {broken.address()}, .cluster = {"connect_retries: 5"}}.Yaml());
  EXPECT_EQ(Handshakes(hawser, 6), (std::map<int, int>{{502, 6}}));
  EXPECT_EQ(broken.connections(), 6);
  EXPECT_EQ(EndpointRow(hawser, broken.address())["state"], "in");
}

TEST(EndpointFailure, HandshakesThatAreNotAnsweredInTimeCount) {
  EchoBackend alive("alive");
  FakeBackend silent;
  HawserProcess hawser(Config{.endpoints = {silent.address(), alive.address()},
                              .route = {"handshake_timeout: 100ms"},
                              .cluster = {"lb_policy: round_robin"}}
                           .Yaml());
  EXPECT_EQ(Handshakes(hawser, 20), (std::map<int, int>{{101, 17}, {504, 3}}));
  EXPECT_EQ(EndpointRow(hawser, silent.address())["why"], "no answer in time");
}

TEST(EndpointFailure, AnEndpointThatComesBackIsTriedAgainAndIsIn) {
  EchoBackend alive("alive");
  FakeBackend gone;
  gone.Stop();
  HawserProcess hawser(Config{.endpoints = {gone.address(), alive.address()}}.Yaml());
  Handshakes(hawser, 8);
  ASSERT_EQ(EndpointRow(hawser, gone.address())["state"], "ejected");
  EchoBackend back("back", gone.address());
  EXPECT_TRUE(Eventually([&] {
    Head head;
    const Wire client = Join(hawser.listener(), {}, &head);
    EXPECT_EQ(head.status(), 101);
    return head.Value("X-Backend") == "back";
  }));
  EXPECT_EQ(EndpointRow(hawser, back.address())["state"], "in");
  EXPECT_TRUE(Says(hawser, "-> in: it answers"));
}

// --- What may be sent again ---

// A connection that has carried a request, kept by hawser.
Wire KeptConnection(OneBackend& world, Wire& client) {
  client.Send(PlainGet("/first"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  return backend;
}

std::string Bare(const std::string& method, const std::string& fields = "") {
  return method + " /again HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(SentAgain, WhatIsNotIdempotentReachesABackendOnce) {
  for (const std::string& request :
       {Bare("POST", "Content-Length: 0\r\n"), Bare("PATCH", "Content-Length: 0\r\n"), Bare("PURGE"),
        Bare("POST", "Content-Length: 5\r\nExpect: 100-continue\r\n")}) {
    OneBackend world;
    Wire client = world.Connect();
    Wire kept = KeptConnection(world, client);
    client.Send(request);
    EXPECT_TRUE(ReadHead(kept).complete());
    kept.Close();
    EXPECT_EQ(ReadHead(client).status(), 502) << request;
    EXPECT_FALSE(world.backend().contacted()) << request;
  }
}

TEST(SentAgain, WhatIsIdempotentMeetsAKeptConnectionThatEnds) {
  for (const std::string method : {"GET", "HEAD", "OPTIONS", "DELETE", "PUT"}) {
    OneBackend world;
    Wire client = world.Connect();
    Wire kept = KeptConnection(world, client);
    client.Send(Bare(method, method == "PUT" ? "Content-Length: 5\r\n" : ""));
    EXPECT_TRUE(ReadHead(kept).complete());
    kept.Close();
    Wire fresh = world.backend().Accept();
    EXPECT_EQ(ReadHead(fresh).method(), method);
    if (method == "PUT") {
      client.Send("hello");
      EXPECT_EQ(fresh.Read(5), "hello");
    }
    fresh.Send(Response("200 OK", ""));
    EXPECT_EQ(ReadHead(client).status(), 200) << method;
    EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_ejections_total", 0));
  }
}

TEST(SentAgain, NothingWithoutRetries) {
  OneBackend world({.cluster = {"connect_retries: 0"}});
  Wire client = world.Connect();
  Wire kept = KeptConnection(world, client);
  client.Send(Bare("GET"));
  ReadHead(kept);
  kept.Close();
  EXPECT_EQ(ReadHead(client).status(), 502);
  EXPECT_FALSE(world.backend().contacted());
}

TEST(SentAgain, NotOnceAByteOfAnAnswerHasCome) {
  for (const std::string_view answer : {"HTTP/1.1 2", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
    FakeBackend first;
    FakeBackend second;
    HawserProcess hawser(Config{.endpoints = {first.address(), second.address()}}.Yaml());
    Wire client = Wire::Connect(hawser.listener());
    client.Send(PlainGet("/"));
    ASSERT_TRUE(Eventually([&] { return first.contacted() || second.contacted(); }));
    FakeBackend& asked = first.contacted() ? first : second;
    Wire backend = asked.Accept();
    ReadHead(backend);
    backend.Send(answer);
    backend.Close();
    Head head = ReadHead(client);
    while (head.status() == 103) head = ReadHead(client);
    EXPECT_EQ(head.status(), 502) << answer;
    EXPECT_FALSE(first.contacted() || second.contacted()) << answer;
  }
}

TEST(SentAgain, NotOnceSomeOfTheBodyWasTaken) {
  FakeBackend first;
  FakeBackend second;
  HawserProcess hawser(Config{.endpoints = {first.address(), second.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  client.Send(Bare("PUT", "Content-Length: 5\r\n") + "he");
  ASSERT_TRUE(Eventually([&] { return first.contacted() || second.contacted(); }));
  Wire backend = (first.contacted() ? first : second).Accept();
  ReadHead(backend);
  EXPECT_EQ(backend.Read(2), "he");
  backend.Close();
  EXPECT_EQ(ReadHead(client).status(), 502);
  EXPECT_FALSE(first.contacted() || second.contacted());
}

// --- HTTP/2 ---

std::string Http2Frame(char type, char flags, char stream, std::string_view payload) {
  return std::string{'\0', '\0', static_cast<char>(payload.size()), type, flags, '\0', '\0', '\0', stream} +
         std::string(payload);
}
const std::string kEmptySettings = Http2Frame(4, 0, 0, "");

// Up to the HEADERS frame of the next request; its stream.
int ReadRequest(Wire& wire) {
  while (true) {
    const std::string head = wire.Read(9);
    if (head.size() < 9) return 0;
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(head[i]); };
    wire.Read(static_cast<size_t>(byte(0) << 16 | byte(1) << 8 | byte(2)));
    if (byte(3) == 1) return byte(8);
  }
}

TEST(SentAgain, APostThatHttp2SaysIsUnprocessedEvenOnAFreshConnection) {
  constexpr char kRefusedStream = 7;
  const std::string refusals[] = {Http2Frame(3, 0, 1, std::string{'\0', '\0', '\0', kRefusedStream}),
                                  Http2Frame(7, 0, 0, std::string(8, '\0'))};
  for (const std::string& refusal : refusals) {
    OneBackend world({.cluster = {"protocol: h2"}});
    Wire client = world.Connect();
    client.Send(Bare("POST", "Content-Length: 0\r\n"));
    Wire first = world.backend().Accept();
    first.Read(24);
    first.Send(kEmptySettings);
    ASSERT_EQ(ReadRequest(first), 1);
    first.Send(refusal);
    Wire second = world.backend().Accept();
    second.Read(24);
    second.Send(kEmptySettings);
    ASSERT_EQ(ReadRequest(second), 1);
    second.Send(Http2Frame(1, 5, 1, "\x88"));  // HEADERS with END_STREAM and END_HEADERS, :status 200
    EXPECT_EQ(ReadHead(client).status(), 200);
    EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_ejections_total", 0));
  }
}

TEST(BackendHttp2Streams, ABackendThatAllowsNoneIsWaitedForOnOneConnection) {
  OneBackend world({.cluster = {"protocol: h2"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  backend.Read(24);
  const auto max_streams = [](char streams) {
    return Http2Frame(4, 0, 0, std::string{'\0', '\3', '\0', '\0', '\0', streams});
  };
  backend.Send(max_streams(0));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_connecting", 0));
  EXPECT_FALSE(world.backend().contacted());
  backend.Send(max_streams(1));
  ASSERT_EQ(ReadRequest(backend), 1);
  backend.Send(Http2Frame(1, 5, 1, "\x88"));
  EXPECT_EQ(ReadHead(client).status(), 200);
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_connects_total", 1));
}

TEST(BackendHttp2Streams, TheWaitForOneIsBounded) {
  OneBackend world({.cluster = {"protocol: h2", "connect_timeout: 300ms"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  backend.Send(Http2Frame(4, 0, 0, std::string("\0\3\0\0\0\0", 6)));
  EXPECT_EQ(ReadHead(client).status(), 504);
  EXPECT_FALSE(world.backend().contacted());
}

// --- How the reason is reported ---

TEST(BackendError, StandsInBothLogs) {
  FakeBackend gone;
  gone.Stop();
  HawserProcess hawser(Config{.endpoints = {gone.address()}}.Yaml());
  for (int i = 0; i < 30; ++i) {
    Wire client = Wire::Connect(hawser.listener());
    client.Send(PlainGet("/"));
    EXPECT_EQ(ReadHead(client).status(), 503);
  }
  EXPECT_EQ(hawser.WaitForLog()["backend_error"], "Connection refused");
  const std::string line = "cluster backends: endpoint " + gone.address() + ": Connection refused";
  EXPECT_TRUE(Says(hawser, line));
  const std::string said = hawser.process().err();
  size_t lines = 0;
  for (size_t at = said.find(line); at != said.npos; at = said.find(line, at + 1)) ++lines;
  EXPECT_LE(lines, 10u);
}

TEST(BackendError, NamesWhatIsWrongWithACertificate) {
  Directory directory;
  const CertificateFiles server = MakeCertificate(directory, "server", {"backend.test"});
  const CertificateFiles other = MakeCertificate(directory, "other", {"backend.test"});
  const struct {
    std::string tls;
    std::string error;
  } cases[] = {
      {"ca_file: " + server.certificate + ", server_name: another.test", "hostname mismatch"},
      {"ca_file: " + other.certificate + ", server_name: backend.test", "certificate"},
  };
  for (const std::string protocol : {"http/1.1", "auto"}) {
    for (const auto& one : cases) {
      OneBackend world({.cluster = {"protocol: " + protocol, "tls: { " + one.tls + " }"}});
      Wire client = world.Connect();
      client.Send(PlainGet("/"));
      Wire backend = world.backend().Accept();
      EXPECT_FALSE(
          backend.ServeTls(
              {.certificate = server.certificate, .private_key = server.private_key, .client_ca = {}}) &&
          ReadHead(backend).complete());
      EXPECT_EQ(ReadHead(client).status(), 503);
      const std::string error = world.hawser().WaitForLog()["backend_error"];
      EXPECT_THAT(error, StartsWith("certificate verify failed: "));
      EXPECT_THAT(error, HasSubstr(one.error));
    }
  }
}

TEST(BackendError, ALackOfDescriptorsIsNotTheEndpointsFault) {
  if (IsSanitized())
    GTEST_SKIP() << "the sanitizers' own checks open pipes, and take memory for unreadable otherwise";
  FakeBackend first;
  FakeBackend second;
  HawserProcess hawser(Config{.endpoints = {first.address(), second.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  client.Send(PlainGet("/"));
  ASSERT_TRUE(Eventually([&] { return first.contacted() || second.contacted(); }));
  Wire backend = (first.contacted() ? first : second).Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x", {{"Connection", "close"}}));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");

  rlimit before;
  ASSERT_EQ(prlimit(hawser.process().pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit few{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(prlimit(hawser.process().pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  client.Send(PlainGet("/"));
  EXPECT_EQ(ReadHead(client).status(), 503);
  ASSERT_EQ(prlimit(hawser.process().pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  const LogLine line =
      hawser.WaitForLog([](const LogLine& entry) { return entry["reason"] == "no_resources"; });
  EXPECT_EQ(line["backend_error"], "Too many open files");
  EXPECT_EQ(line["closed_by"], "proxy");
  EXPECT_TRUE(hawser.MetricIs("hawser_backend_connects_not_begun_total", 1, {"reason=\"no_resources\""}));
  EXPECT_TRUE(hawser.MetricIs("hawser_endpoint_connect_failures_total", 0));
  EXPECT_EQ(EndpointRow(hawser, first.address())["failures_in_a_row"], 0);
  EXPECT_EQ(EndpointRow(hawser, second.address())["failures_in_a_row"], 0);
}

}  // namespace
}  // namespace hawser::integration
