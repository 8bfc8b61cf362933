// The handshake firewall towards the backend: only a valid 101 opens a tunnel; other answers of a backend are
// relayed unchanged, or refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;

struct AnsweredUpgrade {
  Wire client;
  Wire backend;
  Head head;
};

// An upgrade that the backend answers with these bytes.
AnsweredUpgrade AnswerUpgrade(OneBackend& world, const std::string& bytes,
                              const std::string& method = "GET") {
  AnsweredUpgrade answered{.client = world.Connect(), .backend = {}, .head = {}};
  answered.client.Send(method == "GET" ? Request{}.Text() : PlainGet("/"));
  answered.backend = world.backend().Accept();
  ReadHead(answered.backend);
  answered.backend.Send(bytes);
  answered.head = ReadHead(answered.client);
  return answered;
}

std::string Switch(const std::string& lines) {
  return "HTTP/1.1 101 Switching Protocols\r\n" + lines + "\r\n";
}

const std::string kAcceptLine = "Sec-WebSocket-Accept: " + std::string(kSampleAccept) + "\r\n";

TEST(BackendResponse, A200IsNoTunnel) {
  OneBackend world({.cluster = {"idle_connections: { timeout: 100ms }"}});
  AnsweredUpgrade answered = AnswerUpgrade(
      world, Response("200 OK", "hello",
                      {{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", std::string(kSampleAccept)}}));
  EXPECT_EQ(answered.head.status(), 200);
  EXPECT_EQ(ReadBody(answered.client, answered.head), "hello");
  answered.client.Send(EncodeMasked({.payload = "a frame that belongs to no tunnel"}));
  EXPECT_NE(answered.client.ReadEnd(), End::kOpen);
  std::string seen;
  answered.backend.ReadEnd(&seen);
  EXPECT_EQ(seen, "");
}

TEST(BackendResponse, AnIncomplete101Gets502) {
  OneBackend world;
  for (const std::string& bad :
       {Switch("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
               "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"),
        Switch("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
        Switch("Connection: Upgrade\r\n" + kAcceptLine),
        Switch("Upgrade: h2c\r\nConnection: Upgrade\r\n" + kAcceptLine),
        Switch("Upgrade: websocket\r\n" + kAcceptLine),
        Switch("Upgrade: websocket\r\nConnection: close\r\n" + kAcceptLine),
        Switch("Upgrade: websocket\r\nConnection: Upgrade\r\n" + kAcceptLine + kAcceptLine)}) {
    AnsweredUpgrade answered = AnswerUpgrade(world, bad);
    EXPECT_EQ(answered.head.status(), 502) << bad;
    EXPECT_NE(answered.backend.ReadEnd(), End::kOpen);
  }
}

TEST(BackendResponse, ASubprotocolOrExtensionThatWasNotOfferedGets502) {
  OneBackend world;
  const std::string start = "Upgrade: websocket\r\nConnection: Upgrade\r\n" + kAcceptLine;
  EXPECT_EQ(AnswerUpgrade(world, Switch(start + "Sec-WebSocket-Protocol: chat\r\n")).head.status(), 502);
  EXPECT_EQ(
      AnswerUpgrade(world, Switch(start + "Sec-WebSocket-Extensions: permessage-deflate\r\n")).head.status(),
      502);
}

TEST(BackendResponse, TheFieldsOfA101MayBeWrittenInAnyCase) {
  OneBackend world;
  AnsweredUpgrade answered =
      AnswerUpgrade(world, Switch("upgrade: WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n" + kAcceptLine));
  EXPECT_EQ(answered.head.status(), 101);
  EXPECT_EQ(answered.head.Value("Upgrade"), "websocket");
  EXPECT_EQ(answered.head.Value("Connection"), "Upgrade");
}

// RFC 9112 §6.3: a 101 ends with its head. Some servers say otherwise in it.
TEST(BackendResponse, A101MaySpeakOfABodyThatItDoesNotHave) {
  OneBackend world;
  for (const std::string line :
       {"transfer-encoding: chunked\r\n", "Content-Length: 0\r\n", "Content-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n"}) {
    SCOPED_TRACE(line);
    AnsweredUpgrade answered =
        AnswerUpgrade(world, Switch("Upgrade: websocket\r\nConnection: Upgrade\r\n" + kAcceptLine + line) +
                                 Encode({.payload = "open"}));
    EXPECT_EQ(answered.head.status(), 101);
    EXPECT_FALSE(answered.head.Has("Transfer-Encoding") || answered.head.Has("Content-Length"))
        << answered.head.raw;
    EXPECT_EQ(ReadFrame(answered.client).payload, "open");
  }
}

TEST(BackendResponse, AnInterimResponseMaySpeakOfABodyToo) {
  OneBackend world;
  for (const std::string fields :
       {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
        "Transfer-Encoding: gzip\r\n"}) {
    AnsweredUpgrade answered = AnswerUpgrade(
        world, "HTTP/1.1 103 Early Hints\r\n" + fields + "\r\n" + Response("200 OK", "ok"), "plain");
    EXPECT_EQ(answered.head.raw, "HTTP/1.1 103 Early Hints\r\n\r\n");
    const Head head = ReadHead(answered.client);
    EXPECT_EQ(head.status(), 200) << fields;
    EXPECT_EQ(ReadBody(answered.client, head), "ok");
  }
}

TEST(BackendResponse, InterimResponsesBeforeThe101AreSkipped) {
  OneBackend world;
  AnsweredUpgrade answered = AnswerUpgrade(
      world, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
                 Switch("Upgrade: websocket\r\nConnection: Upgrade\r\n" + kAcceptLine));
  EXPECT_EQ(answered.head.status(), 101) << answered.head.raw;
  answered.backend.Send(Encode({.payload = "open"}));
  EXPECT_EQ(ReadFrame(answered.client).payload, "open");
}

TEST(BackendResponse, InterimResponsesDoNotPutOffTheHandshakesDeadline) {
  OneBackend world({.route = {"handshake_timeout: 500ms"}});
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  EXPECT_TRUE(
      Eventually([&] { return !backend.Send("HTTP/1.1 103 Early Hints\r\n\r\n") || client.HasInput(); }));
  EXPECT_EQ(ReadHead(client).status(), 504);
}

TEST(BackendResponse, AnUnrequested101Gets502) {
  OneBackend world;
  AnsweredUpgrade answered =
      AnswerUpgrade(world, Switch("Upgrade: websocket\r\nConnection: Upgrade\r\n" + kAcceptLine), "plain");
  EXPECT_EQ(answered.head.status(), 502);
}

TEST(BackendResponse, AnAnswerThatIsNoHttpGets502) {
  OneBackend world;
  for (const std::string& bad :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"), std::string("HTTP/1.1 1000 Odd\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        std::string("HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n"}) {
    EXPECT_EQ(AnswerUpgrade(world, bad).head.status(), 502) << bad.substr(0, 100);
  }
}

TEST(BackendResponse, ARefusalOfTheBackendIsRelayedWithItsBody) {
  OneBackend world;
  AnsweredUpgrade answered = AnswerUpgrade(
      world,
      Response("403 No Entry Today", "members only", {{"X-Why", "age"}, {"Content-Type", "text/x-why"}}));
  EXPECT_EQ(answered.head.first_line, "HTTP/1.1 403 No Entry Today");
  EXPECT_EQ(answered.head.Value("X-Why"), "age");
  EXPECT_EQ(answered.head.Value("Content-Type"), "text/x-why");
  EXPECT_EQ(ReadBody(answered.client, answered.head), "members only");
}

TEST(BackendResponse, ARedirectAndAChallengeAreRelayed) {
  OneBackend world;
  AnsweredUpgrade redirect =
      AnswerUpgrade(world, Response("302 Found", "", {{"Location", "https://login.test/"}}));
  EXPECT_EQ(redirect.head.status(), 302);
  EXPECT_EQ(redirect.head.Value("Location"), "https://login.test/");
  AnsweredUpgrade challenge = AnswerUpgrade(
      world, Response("401 Unauthorized", "who?",
                      {{"WWW-Authenticate", "Bearer"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}));
  EXPECT_EQ(challenge.head.status(), 401);
  EXPECT_EQ(challenge.head.Value("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(challenge.head.All("Set-Cookie").size(), 2u);
}

TEST(BackendResponse, AChunkedRefusalIsRelayed) {
  OneBackend world;
  AnsweredUpgrade answered = AnswerUpgrade(world,
                                           "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
                                           "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n");
  EXPECT_EQ(answered.head.status(), 403);
  EXPECT_EQ(ReadBody(answered.client, answered.head), "hello, world");
}

TEST(BackendResponse, ARefusalThatEndsWithItsConnectionIsRelayed) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  {
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nuntil the end");
  }
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 403);
  EXPECT_EQ(ReadBody(client, head), "until the end");
}

TEST(BackendResponse, ATornResponseHeadIsAwaited) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  backend.SendTorn(SwitchingProtocols(ReadHead(backend)));
  EXPECT_EQ(ReadHead(client).status(), 101);
}

TEST(BackendResponse, AClientThatLeavesWhileTheBackendIsAskedEndsTheAttemptAtOnce) {
  OneBackend world({.route = {"handshake_timeout: 1h"}});
  for (const bool reset : {false, true}) {
    Wire client = world.Connect();
    client.Send(Request{}.Text());
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    reset ? client.Reset() : client.Close();
    EXPECT_NE(backend.ReadEnd(), End::kOpen);
  }
  EXPECT_EQ(world.hawser().WaitForLog()["closed_by"], "client");
}

}  // namespace
}  // namespace hawser::integration
