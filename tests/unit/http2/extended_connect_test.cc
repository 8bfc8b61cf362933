// WebSockets over HTTP/2 (RFC 8441), between two sessions of ours and against a backend's frames made by
// hand.
#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/unit/http2/connection.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

using HeadState = http::ClientStream::HeadState;
using net::IoState;

TEST(ExtendedConnect, OpensAWebSocket) {
  Connection at;
  const http::UpgradeRequest upgrade = WebSocket();
  http::RequestHead head = Get("/chat");
  head.headers.Add("Sec-WebSocket-Version", "13");
  head.headers.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  auto exchange = at.Request(head, &upgrade);
  ASSERT_NE(exchange.server, nullptr);
  EXPECT_EQ(exchange.head.method, "CONNECT");
  EXPECT_EQ(exchange.head.protocol, "websocket");
  EXPECT_EQ(exchange.head.headers.Count("sec-websocket-key"), 0u);
  EXPECT_TRUE(exchange.head.body);
  http::ResponseHead answer = Ok();
  answer.status = 101;
  answer.headers.Add("Sec-WebSocket-Protocol", "chat");
  ASSERT_TRUE(exchange.server->OpenTunnel(answer, upgrade));
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kTunnel);
  EXPECT_EQ(response.status, 101) << "the one form of a tunnel's head";
  std::string early;
  auto near = exchange.server->TakeTunnel();
  auto far = exchange.client->TakeTunnel(early);
  exchange.server = nullptr;
  exchange.client = nullptr;
  WriteText(*near, "to the client");
  WriteText(*far, "to the server");
  at.Run();
  EXPECT_EQ(ReadAll(*far).text, "to the client");
  EXPECT_EQ(ReadAll(*near).text, "to the server");
  near->ShutdownWrite();
  at.Run();
  EXPECT_EQ(ReadAll(*far).state, IoState::kEnd);
  WriteText(*far, "still heard");
  far->Close(net::CloseReason::kOrderly);
  at.Run();
  const Got rest = ReadAll(*near);
  EXPECT_EQ(rest.text, "still heard");
  EXPECT_EQ(rest.state, IoState::kEnd);
}

TEST(ExtendedConnect, ATunnelThatIsAbortedBreaksAtTheOtherSide) {
  Connection at;
  const http::UpgradeRequest upgrade = WebSocket();
  auto exchange = at.Request(Get("/chat"), &upgrade);
  ASSERT_TRUE(exchange.server->OpenTunnel(Ok(), upgrade));
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kTunnel);
  exchange.client->Close(net::CloseReason::kAbort);
  at.Run();
  EXPECT_EQ(ReadAll(*exchange.server).state, IoState::kError);
  EXPECT_EQ(WriteText(*exchange.server, "x").state, IoState::kError);
  EXPECT_EQ(at.server->TakeCounts().resets_received, 1u);
}

// A backend's close frame, and the end of its connection behind it.
TEST(ExtendedConnect, WhatCameBeforeAResetIsReadFirst) {
  Connection at;
  const http::UpgradeRequest upgrade = WebSocket();
  auto exchange = at.Request(Get("/chat"), &upgrade);
  ASSERT_TRUE(exchange.server->OpenTunnel(Ok(), upgrade));
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kTunnel);
  WriteText(*exchange.server, "last words");
  exchange.server->Close(net::CloseReason::kAbort);
  at.Run();
  EXPECT_EQ(WriteText(*exchange.client, "x").state, IoState::kError);
  const Got got = ReadAll(*exchange.client);
  EXPECT_EQ(got.text, "last words");
  EXPECT_EQ(got.state, IoState::kError);
}

TEST(ExtendedConnect, APlainSuccessIsNoTunnel) {
  Connection at;
  const http::UpgradeRequest upgrade = WebSocket();
  auto exchange = at.Request(Get("/chat"), &upgrade);
  EXPECT_FALSE(exchange.server->SendResponse(Ok(), true));
  http::ResponseHead refusal = Ok();
  refusal.status = 403;
  ASSERT_TRUE(exchange.server->SendResponse(refusal, true));
  WriteText(*exchange.server, "no");
  exchange.server->ShutdownWrite();
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(ReadAll(*exchange.client).text, "no");
}

TEST(ExtendedConnect, AnAnswerThatTakesWhatWasNotOfferedIsNoTunnel) {
  Connection at;
  const http::UpgradeRequest upgrade = WebSocket();
  auto exchange = at.Request(Get("/chat"), &upgrade);
  http::ResponseHead answer = Ok();
  answer.headers.Add("Sec-WebSocket-Protocol", "other");
  ASSERT_TRUE(exchange.server->OpenTunnel(answer, upgrade));
  at.Run();
  http::ResponseHead response;
  EXPECT_EQ(exchange.client->ReadResponse(response), HeadState::kBadUpgrade);
}

// The field is HTTP/1.1's: beside the one that hawser makes, a client would find two.
TEST(ExtendedConnect, ABackendsOwnAcceptIsNotPassedOn) {
  Wire at;
  const Settings settings;
  auto client = at.Client(settings);
  constexpr std::string_view kExtendedConnect("\x00\x08\x00\x00\x00\x01", 6);
  at.pair.far.Feed(Frame(kSettingsFrame, 0, 0, kExtendedConnect));
  at.Run();
  const http::UpgradeRequest upgrade = WebSocket();
  auto stream = client->Open();
  ASSERT_TRUE(stream->SendRequest(Get(), &upgrade));
  at.Run();
  constexpr std::string_view kStatus200 = "\x88";
  at.pair.far.Feed(
      Headers(1, std::string(kStatus200) + Literal("sec-websocket-accept", "x") + Literal("x-kept", "y"),
              kEndHeaders));
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(stream->ReadResponse(response), HeadState::kTunnel);
  EXPECT_EQ(response.headers.Count("Sec-WebSocket-Accept"), 0u);
  EXPECT_EQ(response.headers.Count("X-Kept"), 1u);
}

}  // namespace
}  // namespace hawser::http2
