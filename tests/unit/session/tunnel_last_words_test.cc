// The last bytes of a peer are read and forwarded, even if writes to it fail.
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session {
namespace {

using stats::ClosedBy;

const std::string kTooBig = Plain({.opcode = 8, .payload = ClosePayload(1009, "too big")});

config::WebSocket WithoutPings() {
  return {.keepalive = {.interval = base::Duration(0)}};
}

// The backend has refused an upload and is gone; a write finds that out.
void Refuse(TunnelHarness& harness, std::string_view words = kTooBig) {
  harness.backend().BreakWrites();
  harness.backend().Feed(words);
  harness.backend().FeedBlocked();
  harness.client().Feed(Masked({.opcode = 2, .payload = std::string(70'000, 'x')}));
}

TEST(LastWords, OfABackendToWhichAWriteFailsReachTheClient) {
  TunnelHarness harness;
  harness.Start();
  Refuse(harness);
  harness.client().Deliver();
  EXPECT_EQ(harness.client().written(), kTooBig);
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1009)}));
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Closes(ClosedBy::kBackend, 1009), 1U);
}

TEST(LastWords, WaitForAClientThatIsSlow) {
  TunnelHarness harness;
  harness.Start();
  harness.client().SetRoom(100);
  const std::string before = Plain({.opcode = 2, .payload = std::string(50'000, 'y')});
  harness.backend().Feed(before);
  harness.Settle();
  Refuse(harness);
  harness.Settle();
  EXPECT_EQ(harness.client().written(), before.substr(0, 100));
  harness.client().AddRoom(1 << 20);
  harness.Settle();
  EXPECT_EQ(harness.client().written(), before + kTooBig);
}

TEST(LastWords, WaitForARate) {
  config::WebSocket settings = WithoutPings();
  settings.message_rate.from_backend = config::MessageRateLimit{.rate = {20}, .burst = 1};
  TunnelHarness harness(settings);
  harness.Start();
  const std::string message = Plain({.payload = "a message"});
  Refuse(harness, message + message + message + kTooBig);
  const std::string all = message + message + message + kTooBig;
  TurnUntil(harness, [&] { return harness.client().written().size() >= all.size(); });
  EXPECT_EQ(harness.client().written(), all);
}

TEST(LastWords, OfAClientToWhichAWriteFailsReachTheBackend) {
  TunnelHarness harness;
  harness.Start();
  const std::string bye =
      Masked({.payload = "so long"}) + Masked({.opcode = 8, .payload = ClosePayload(4000)});
  harness.client().BreakWrites();
  harness.client().Feed(bye);
  harness.client().FeedBlocked();
  harness.backend().Feed(Plain({.payload = "never to arrive"}));
  harness.backend().Deliver();
  EXPECT_EQ(harness.backend().written(), bye);
}

TEST(LastWords, AreAnyBytesWhereNothingIsInspected) {
  config::WebSocket settings = WithoutPings();
  settings.inspection = config::Inspection::kOff;
  TunnelHarness harness(settings);
  harness.Start();
  Refuse(harness, "any words");
  harness.client().Deliver();
  EXPECT_EQ(harness.client().written(), "any words");
  EXPECT_TRUE(harness.client().write_shut());
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Counted(http::Reject::kBackendLost), 1U);
}

TEST(LastWords, OfABackendWithoutACloseFrameAreTheRoutesCode) {
  TunnelHarness harness;
  harness.Start();
  harness.backend().BreakWrites();
  harness.backend().FeedBlocked();
  harness.client().Feed(Masked({.payload = "anybody there?"}));
  harness.client().Deliver();
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
}

TEST(LostCode, IsTheRoutes) {
  config::WebSocket settings = WithoutPings();
  settings.backend_lost_code = {4001};
  TunnelHarness harness(settings);
  harness.Start();
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 4001);
}

TEST(LostCode, OfZeroSendsNoCloseFrame) {
  config::WebSocket settings = WithoutPings();
  settings.backend_lost_code = {0};
  TunnelHarness harness(settings);
  harness.Start();
  const std::string last = Plain({.payload = "last message"});
  harness.client().SetRoom(3);
  harness.backend().Feed(last);
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_FALSE(harness.client().write_shut()) << "the message comes first";
  harness.client().AddRoom(1000);
  harness.Settle();
  EXPECT_EQ(harness.client().written(), last);
  EXPECT_TRUE(harness.client().write_shut());
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Closes(ClosedBy::kBackend, 1006), 1U);
}

}  // namespace
}  // namespace hawser::session
