// A route's limits on a tunnel: sizes, rates, UTF-8, and how much is inspected at all.
#include <functional>

#include "proxy/session/tunnel.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::tunnel_limits_test {
namespace {

using stats::ClosedBy;
using stats::Metric;

config::WebSocket Quiet(const std::function<void(config::WebSocket&)>& change = {}) {
  config::WebSocket settings{.keepalive = {.interval = base::Duration(0)}};
  if (change) change(settings);
  return settings;
}

struct Offence {
  const char* name;
  config::WebSocket settings;
  std::string bytes;  // of the client; all but the offending frame may pass
  int code;
  http::Reject reason;
};

TEST(TunnelLimits, EndTheTunnelOfWhoeverBreaksThem) {
  const Offence offences[] = {
      {"frame", Quiet([](auto& w) { w.max_frame_bytes.bytes = 5; }), Masked({.payload = "123456"}), 1009,
       http::Reject::kFrameTooLarge},
      {"message", Quiet([](auto& w) { w.max_message_bytes.bytes = 5; }),
       Masked({.payload = "1234", .fin = false}) + Masked({.opcode = 0, .payload = "56"}), 1009,
       http::Reject::kMessageTooLarge},
      {"text", Quiet(), Masked({.payload = "fine"}) + Masked({.payload = "\xff"}), 1007,
       http::Reject::kInvalidUtf8},
      {"message rate", Quiet([](auto& w) {
         w.message_rate.from_client =
             config::MessageRateLimit{.rate = {1}, .burst = 1, .over_limit = config::OverRate::kClose};
       }),
       Masked({.payload = "fine"}) + Masked({.payload = "too much"}), 1008, http::Reject::kMessageRate},
      {"pings count", Quiet([](auto& w) {
         w.message_rate.from_client =
             config::MessageRateLimit{.rate = {1}, .burst = 1, .over_limit = config::OverRate::kClose};
       }),
       Masked({.payload = "fine"}) + Masked({.opcode = 9}), 1008, http::Reject::kMessageRate},
      {"byte rate", Quiet([](auto& w) {
         w.byte_rate.from_client = config::ByteRateLimit{
             .rate = {1}, .burst = config::ByteSize{20}, .over_limit = config::OverRate::kClose};
       }),
       Masked({.payload = "more than twenty bytes"}), 1008, http::Reject::kByteRate},
  };
  for (const Offence& offence : offences) {
    SCOPED_TRACE(offence.name);
    TunnelHarness harness(offence.settings);
    harness.Start();
    harness.client().Feed(offence.bytes);
    harness.Settle();
    EXPECT_EQ(Received(harness.client().written(), false).close_code(), offence.code);
    EXPECT_TRUE(harness.client().write_shut());
    EXPECT_NE(Received(harness.backend().written(), true).close_code(), 1005);
    harness.client().FeedEnd();
    harness.backend().FeedEnd();
    harness.Settle();
    EXPECT_TRUE(harness.ended());
    EXPECT_EQ(harness.Counted(offence.reason), 1U);
    EXPECT_EQ(harness.Counted(Metric::kViolationsByClient), 1U);
    EXPECT_EQ(harness.Closes(ClosedBy::kPolicy, static_cast<uint16_t>(offence.code)), 1U);
  }
}

TEST(TunnelLimits, HoldForTheBackendToo) {
  TunnelHarness harness(Quiet([](auto& w) { w.max_message_bytes.bytes = 5; }));
  harness.Start();
  harness.backend().Feed(Plain({.payload = "fits"}) + Plain({.payload = "too large"}));
  harness.Settle();
  EXPECT_EQ(Received(harness.backend().written(), true).close_code(), 1009);
  const Received client(harness.client().written(), false);
  EXPECT_EQ(client.frames[0].payload, "fits");
  EXPECT_EQ(client.close_code(), 1011);
  EXPECT_EQ(harness.Counted(Metric::kViolationsByBackend), 1U);
}

TEST(TunnelLimits, DoNotLookIntoCompressedText) {
  TunnelHarness harness(Quiet());
  harness.parts().deflate = true;
  harness.Start();
  const std::string frame = Masked({.payload = "\xff", .rsv = 4});
  harness.client().Feed(frame);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), frame);
}

TEST(TunnelLimits, LetAnyTextPassWithoutUtf8Validation) {
  for (const bool lenient : {false, true}) {
    TunnelHarness harness(Quiet([&](auto& w) {
      if (lenient) w.inspection = config::Inspection::kLenient;
      w.validate_utf8 = false;
    }));
    harness.Start();
    const std::string frame = Masked({.payload = "\xff"});
    harness.client().Feed(frame);
    harness.Settle();
    EXPECT_EQ(harness.backend().written(), frame);
  }
}

TEST(TunnelLimits, LenientInspectionForwardsWhatASloppyPeerSends) {
  TunnelHarness harness(Quiet([](auto& w) { w.inspection = config::Inspection::kLenient; }));
  harness.Start();
  const std::string frames = Plain({.payload = "no mask"}) + Masked({.payload = "x", .rsv = 2}) +
                             Masked({.opcode = 5, .payload = "x", .length_bytes = 8}) +
                             Masked({.opcode = 8, .payload = ClosePayload(1005)});
  harness.client().Feed(frames);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), frames);
}

// --- slow_down ---

config::WebSocket Messages(double per_second, uint32_t burst) {
  return Quiet([&](auto& w) {
    w.message_rate.from_client = config::MessageRateLimit{.rate = {per_second}, .burst = burst};
  });
}

std::string Several(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += Masked({.payload = "message " + std::to_string(i)});
  return bytes;
}

constexpr double kHardlyEver = 1.0 / 3600;

TEST(TunnelLimits, StopReadingASideWhoseMessagesAreSpent) {
  TunnelHarness harness(Messages(kHardlyEver, 2));
  harness.Start();
  harness.client().Feed(Several(5));
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), Several(2));
  EXPECT_FALSE(harness.client().interest().read);
  EXPECT_EQ(harness.Counted(Metric::kSlowdownsOfClient), 1U);
  const std::string answer = Plain({.payload = "the other direction goes on"});
  harness.backend().Feed(answer);
  harness.Settle();
  EXPECT_EQ(harness.client().written(), answer);
}

TEST(TunnelLimits, ReadOnOnceTheBucketHasRefilled) {
  TunnelHarness harness(Messages(200, 1));
  harness.Start();
  harness.client().Feed(Several(7));
  TurnUntil(harness, [&] { return harness.backend().written() == Several(7); });
  EXPECT_GE(harness.Counted(Metric::kSlowdownsOfClient), 1U);
  EXPECT_TRUE(harness.client().interest().read);
}

TEST(TunnelLimits, ACloseFrameMayCutAMessageOff) {
  TunnelHarness harness(
      Quiet([](auto& w) { w.message_rate.from_client = config::MessageRateLimit{.rate = {1}, .burst = 3}; }));
  harness.Start();
  const std::string all =
      Masked({.payload = "a fragment", .fin = false}) + Masked({.opcode = 8, .payload = ClosePayload(1000)});
  harness.client().Feed(all);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), all);
}

TEST(TunnelLimits, SlowDownBytesToo) {
  TunnelHarness harness(Quiet([](auto& w) {
    w.byte_rate.from_client = config::ByteRateLimit{.rate = {100'000}, .burst = config::ByteSize{1000}};
  }));
  harness.Start();
  const std::string frame = Masked({.opcode = 2, .payload = std::string(5000, 'x')});
  harness.client().Feed(frame);
  harness.Settle();
  EXPECT_EQ(harness.backend().written().size(), 1000U);
  TurnUntil(harness, [&] { return harness.backend().written() == frame; });
}

TEST(TunnelLimits, WhatIsHeldGoesOnWhenTheOtherSideCloses) {
  TunnelHarness harness(Messages(kHardlyEver, 1));
  harness.Start();
  harness.client().Feed(Several(3) + Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  const Received backend(harness.backend().written(), true);
  EXPECT_EQ(backend.frames.size(), 4U);
  EXPECT_EQ(backend.close_code(), 1000);
}

TEST(TunnelLimits, ASideThatIsHeldBackIsNotDead) {
  config::WebSocket settings = Messages(kHardlyEver, 1);
  settings.keepalive = {
      .interval = base::Duration(2), .timeout = base::Duration(2), .to = config::KeepaliveTo::kClient};
  TunnelHarness harness(settings);
  harness.Start();
  harness.client().Feed(Several(2));
  TurnUntil(harness, [&] { return harness.tunnel()->traffic().pings_sent > 5; });
  EXPECT_FALSE(harness.client().closed());
}

TEST(TunnelLimits, APingOfHawsersOwnIsAnsweredForFree) {
  config::WebSocket settings = Messages(kHardlyEver, 1);
  settings.keepalive = {
      .interval = base::Duration(5), .timeout = base::Duration(10'000), .to = config::KeepaliveTo::kClient};
  TunnelHarness harness(settings);
  harness.Start();
  TurnUntil(harness, [&] { return !harness.client().written().empty(); });
  const Received ping(harness.client().written(), false);
  harness.client().Feed(Masked({.opcode = 10, .payload = ping.frames[0].payload}) + Several(1));
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), Several(1));
  EXPECT_EQ(harness.Counted(Metric::kSlowdownsOfClient), 0U);
}

// --- off ---

config::WebSocket Off() {
  return Quiet([](auto& w) { w.inspection = config::Inspection::kOff; });
}

TEST(TunnelPipe, PassesAnyBytesAndCountsThem) {
  config::WebSocket settings = Off();
  settings.keepalive = {.interval = base::Duration(1), .timeout = base::Duration(1)};
  TunnelHarness harness(settings);
  harness.Start();
  harness.client().Feed("no frame at all");
  harness.backend().Feed("\xff\xff\xff");
  TurnUntil(harness, [&] { return harness.tunnel()->age() > base::Duration(20); });
  EXPECT_EQ(harness.backend().written(), "no frame at all");
  EXPECT_EQ(harness.client().written(), "\xff\xff\xff") << "and no ping";
  EXPECT_EQ(harness.tunnel()->traffic().bytes_in, 15U);
  EXPECT_EQ(harness.tunnel()->traffic().bytes_out, 3U);
  EXPECT_EQ(harness.tunnel()->traffic().messages_in, 0U);
}

TEST(TunnelPipe, PassesAnEndOnAndLetsTheOtherDirectionFinish) {
  TunnelHarness harness(Off());
  harness.Start();
  harness.backend().SetRoom(3);
  harness.client().Feed("question");
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_FALSE(harness.backend().write_shut()) << "not before all is delivered";
  harness.backend().AddRoom(100);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), "question");
  EXPECT_TRUE(harness.backend().write_shut());
  EXPECT_FALSE(harness.client().write_shut());
  harness.backend().Feed("answer");
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.client().written(), "answer");
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Closes(ClosedBy::kClient, 1006), 1U);
  EXPECT_EQ(harness.Counted(http::Reject::kClientLost), 0U);
}

TEST(TunnelPipe, EndsWithoutACloseFrameWhenItIsDrained) {
  TunnelHarness harness(Off());
  harness.Start();
  harness.client().Feed("half a thing");
  harness.Settle();
  harness.tunnel()->End(http::Reject::kDrained);
  EXPECT_EQ(harness.backend().written(), "half a thing");
  EXPECT_EQ(harness.client().written(), "");
  EXPECT_TRUE(harness.client().write_shut());
  EXPECT_TRUE(harness.backend().write_shut());
}

TEST(TunnelPipe, PassesABreakOn) {
  TunnelHarness harness(Off());
  harness.Start();
  harness.backend().FeedError(ECONNRESET);
  harness.Settle();
  EXPECT_TRUE(harness.client().write_shut());
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Counted(http::Reject::kBackendLost), 1U);
}

}  // namespace
}  // namespace hawser::session::tunnel_limits_test
