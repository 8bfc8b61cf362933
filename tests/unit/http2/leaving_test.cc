// How a session goes away (RFC 9113 §6.8): the notice, the last GOAWAY, and the end behind the last stream.
#include <algorithm>

#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/unit/http2/connection.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

using HeadState = http::ClientStream::HeadState;

TEST(Leaving, ASessionGoesAwayWhenItsLastStreamHasEnded) {
  Connection at;
  auto exchange = at.Request(Get());
  at.server->GoAway();
  at.Run();
  EXPECT_TRUE(at.client->going_away());
  EXPECT_EQ(at.client->free_slots(), 0u);
  EXPECT_EQ(at.server->end(), End::kNone);
  ASSERT_TRUE(exchange.server->SendResponse(Ok(false), true));
  exchange.server = nullptr;
  at.Run();
  EXPECT_EQ(at.server->end(), End::kDrained);
  http::ResponseHead response;
  EXPECT_EQ(exchange.client->ReadResponse(response), HeadState::kFinal);
}

// Only the acknowledgement of the PING behind the notice proves that the notice was read.
TEST(Leaving, AnUnexpectedAcknowledgementDoesNotShortenTheNotice) {
  Wire at;
  const Settings settings;
  const auto server = at.Server(settings);
  at.pair.near.Feed(Opening() + Frame(kPing, kAck, 0, std::string(8, '\0')));
  at.Run();
  (void)at.pair.near.TakeWritten();
  server->GoAway();
  at.Run();
  const auto sent = TakeApart(at.pair.near.TakeWritten());
  EXPECT_EQ(std::ranges::count(sent, uint8_t{kGoAwayFrame}, &SeenFrame::type), 1);
  EXPECT_EQ(server->end(), End::kNone);
}

}  // namespace
}  // namespace hawser::http2
