// Clients that end their direction behind a whole request (nc -N, monitors, tools of HTTP/1.0). Their FIN
// means that they send no more, not that they do not read (RFC 9293 §3.6): they are answered. A client that
// resets has left.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const std::string kChunkedPost =
    "POST / HTTP/1.1\r\nHost: hawser.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: hawser.test\r\nContent-Length: 5\r\n\r\nhello";
const std::string kOldGet = "GET / HTTP/1.0\r\nHost: hawser.test\r\n\r\n";

// The answer, and the end behind it: in order.
void ExpectAnswered(Wire& client, const std::string& body) {
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 200) << head.raw;
  EXPECT_EQ(ReadBody(client, head), body);
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
}

TEST(HalfClosed, AWholeRequestIsAnswered) {
  OneBackend world;
  for (const std::string& request : {PlainGet("/"), kOldGet, kPost, kChunkedPost}) {
    SCOPED_TRACE(request);
    Wire client = world.Connect();
    client.Send(request);
    client.ShutdownWrite();
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    if (request.starts_with("POST")) {
      EXPECT_THAT(backend.ReadThrough("hello"), testing::EndsWith("hello"));
    }
    backend.Send(Response("200 OK", "ok", {{"Connection", "close"}}));
    ExpectAnswered(client, "ok");
    EXPECT_EQ(world.hawser().WaitForLog()["status"], "200");
  }
}

TEST(HalfClosed, TheEndMayComeWhileTheBackendIsAsked) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  client.ShutdownWrite();
  // An interim response shows that hawser has seen the end and goes on.
  backend.Send("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(ReadHead(client).status(), 103);
  backend.Send(Response("200 OK", "ok"));
  ExpectAnswered(client, "ok");
}

TEST(HalfClosed, AWholePipelineIsAnswered) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/1") + kPost + PlainGet("/3"));
  client.ShutdownWrite();
  for (const std::string body : {"one", "two"}) {
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(Response("200 OK", body, {{"Connection", "close"}}));
    EXPECT_EQ(ReadBody(client, ReadHead(client)), body);
  }
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).target(), "/3");
  backend.Send(Response("200 OK", "three"));
  ExpectAnswered(client, "three");
}

TEST(HalfClosed, AnAnswerOfAnySizeArrivesWhole) {
  OneBackend world;
  const std::string body(20 << 20, 'x');
  Wire client = world.Connect({.receive_buffer = 4096});
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  std::thread sender([&] { backend.Send(Response("200 OK", body)); });
  EXPECT_EQ(client.Read(8), "HTTP/1.1");
  client.ShutdownWrite();  // in the middle of it
  const Head head = ParseHead("HTTP/1.1" + client.ReadThrough("\r\n\r\n"));
  EXPECT_TRUE(ReadBody(client, head) == body);
  sender.join();
  EXPECT_EQ(client.ReadEnd(), End::kFin);
}

TEST(HalfClosed, OverTlsACloseNotifyIsSuchAnEnd) {
  const Directory directory;
  const CertificateFiles files = MakeCertificate(directory, "default", {"hawser.test"});
  OneBackend world({.listener = {"tls: { certificates: [ { certificate: " + files.certificate +
                                 ", private_key: " + files.private_key + " } ] }"}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Wire client = world.Connect({.tls = true, .max_tls_version = version});
    client.Send(PlainGet("/"));
    client.ShutdownWrite();
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(Response("200 OK", "ok", {{"Connection", "close"}}));
    ExpectAnswered(client, "ok");
  }
}

TEST(HalfClosed, HawsersOwnAnswersArriveToo) {
  OneBackend world({.route = {"match: { path: /there }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/nowhere"));
  client.ShutdownWrite();
  EXPECT_EQ(ReadHead(client).status(), 404);
  EXPECT_EQ(client.ReadEnd(), End::kFin);
}

TEST(HalfClosed, WaitingForTheAnswerCostsNoTime) {
  OneBackend world({.listener = {"timeouts: { request_headers: 1s }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  client.ShutdownWrite();
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  const double before = world.hawser().Metric("process_cpu_seconds_total");
  Wire silent = world.Connect();
  EXPECT_EQ(silent.ReadEnd(), End::kFin);  // a second later
  EXPECT_LT(world.hawser().Metric("process_cpu_seconds_total") - before, 0.5) << "a worker spins";
  backend.Send(Response("200 OK", "ok"));
  ExpectAnswered(client, "ok");
}

TEST(HalfClosed, AResetMeansThatTheClientHasLeft) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  client.ShutdownWrite();
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(ReadHead(client).status(), 103);
  client.Reset();
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
  EXPECT_EQ(world.hawser().WaitForLog()["closed_by"], "client");
}

// There the kernel reports an end of both directions.
TEST(HalfClosed, AClosedUnixSocketMeansThatTheClientHasLeft) {
  FakeBackend listening;
  HawserProcess hawser(Config{.endpoints = {listening.address()}, .address = "unix:DIR/edge.sock"}.Yaml());
  Wire client = Wire::Connect("unix:" + hawser.directory().File("edge.sock"));
  client.Send(PlainGet("/"));
  Wire backend = listening.Accept();
  ReadHead(backend);
  client.Close();
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
  Wire other = Wire::Connect("unix:" + hawser.directory().File("edge.sock"));
  other.Send(PlainGet("/"));
  other.ShutdownWrite();
  Wire next = listening.Accept();
  ReadHead(next);
  next.Send(Response("200 OK", "ok"));
  ExpectAnswered(other, "ok");
}

TEST(HalfClosed, AnEndInsideABodyIsNoHalfClose) {
  OneBackend world;
  for (const std::string& request : {kPost, kChunkedPost}) {
    Wire client = world.Connect();
    client.Send(request.substr(0, request.size() - 3));
    client.ShutdownWrite();
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    EXPECT_NE(backend.ReadEnd(), End::kOpen) << request;
    EXPECT_NE(client.ReadEnd(), End::kOpen);
  }
}

// It could send nothing in its tunnel, not even a close frame.
TEST(HalfClosed, AClientThatAsksForATunnelHasLeft) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  client.ShutdownWrite();
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
  EXPECT_EQ(world.hawser().WaitForLog()["closed_by"], "client");
}

// The timer that the kernel runs for hawser's end of a client's connection (/proc/net/tcp, proc(5)): 2 is
// that of keepalive.
int TimerOfServerSide(const std::string& server, const std::string& client) {
  const auto port = [](const std::string& address) {
    return std::stoul(address.substr(address.rfind(':') + 1));
  };
  const std::string ends = fmt::format("0100007F:{:04X} 0100007F:{:04X} 01", port(server), port(client));
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    const size_t at = line.find(ends);
    if (at == std::string::npos) continue;
    const size_t queues = line.find(' ', at + ends.size());
    return std::stoi(line.substr(line.find(' ', queues + 1) + 1, 2));
  }
  return -1;
}

TEST(HalfClosed, TheKernelProbesQuietClients) {
  OneBackend world;
  const Wire client = world.Connect();
  EXPECT_TRUE(
      Eventually([&] { return TimerOfServerSide(world.hawser().listener(), client.local_address()) == 2; }));
}

}  // namespace
}  // namespace hawser::integration
