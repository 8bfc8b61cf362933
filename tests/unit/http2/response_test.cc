// A backend's response as its stream hands it over: interim ones before it, cut, and read after the session
// is gone.
#include <array>

#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/unit/http2/connection.h"

namespace hawser::http2 {
namespace {

using HeadState = http::ClientStream::HeadState;
using net::IoState;

TEST(Response, AResponseThatIsCutIsAnError) {
  Connection at;
  auto exchange = at.Request(Get());
  ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
  WriteText(*exchange.server, "half");
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  exchange.server->Close(net::CloseReason::kAbort);
  at.Run();
  const Got got = ReadAll(*exchange.client);
  EXPECT_EQ(got.text, "half");
  EXPECT_EQ(got.state, IoState::kError);
}

TEST(Response, AResponseThatIsCutBeforeItsHeadWasReadIsNone) {
  Connection at;
  auto exchange = at.Request(Get());
  ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
  exchange.server->Close(net::CloseReason::kAbort);
  at.Run();
  http::ResponseHead response;
  EXPECT_EQ(exchange.client->ReadResponse(response), HeadState::kEnded);
  EXPECT_FALSE(exchange.client->unprocessed());
}

TEST(Response, AStreamWithoutItsSessionTellsUntilAllIsRead) {
  Connection at;
  auto exchange = at.Request(Get());
  ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
  WriteText(*exchange.server, std::string(1000, 'x'));
  exchange.server->ShutdownWrite();
  at.Run();
  http::ResponseHead response;
  ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
  Listener reader;
  size_t total = 0;
  IoState state = IoState::kOk;
  reader.then = [&](event::Ready) {
    std::array<std::byte, 100> piece;
    const net::IoResult got = exchange.client->Read(piece);
    total += got.bytes;
    state = got.state;
  };
  exchange.client->Watch(&reader, 0);
  exchange.client->Want({.read = true});
  at.client = nullptr;
  for (int turns = 0; turns < 20; ++turns) at.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(total, 1000u);
  EXPECT_EQ(state, IoState::kEnd);
  EXPECT_LE(reader.calls, 12);
}

TEST(Response, ManyInterimResponsesMayComeAtOnce) {
  Connection at;
  auto exchange = at.Request(Get());
  http::ResponseHead hints;
  hints.status = 103;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(exchange.server->SendInterim(hints));
  ASSERT_TRUE(exchange.server->SendResponse(Ok(false), true));
  at.Run();
  http::ResponseHead response;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(exchange.client->ReadResponse(response), HeadState::kInterim) << i;
  EXPECT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
}

TEST(Response, InterimResponsesThatNobodyReadsHoldNoMoreThanOneHeadMay) {
  Settings settings;
  settings.head.bytes = 4096;
  Connection at({}, settings);
  auto exchange = at.Request(Get());
  http::ResponseHead hints;
  hints.status = 103;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(exchange.server->SendInterim(hints));
  at.Run();
  http::ResponseHead response;
  EXPECT_EQ(exchange.client->ReadResponse(response), HeadState::kEnded);
  EXPECT_EQ(at.client->TakeCounts().resets_sent, 1u);
}

}  // namespace
}  // namespace hawser::http2
