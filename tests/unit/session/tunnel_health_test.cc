// When the end of a tunnel is judged, and by which age: when it is seen, whatever the peers do afterwards.
#include <cerrno>
#include <chrono>
#include <tuple>

#include "proxy/session/tunnel.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::tunnel_health_test {
namespace {

using namespace std::chrono_literals;

config::WebSocket Settings(config::Inspection inspection = config::Inspection::kStrict) {
  return {.inspection = inspection, .keepalive = {.interval = base::Duration(0)}, .close_timeout = 5s};
}

TEST(TunnelHealth, AnEndCountsWhenItIsSeenAndOnce) {
  TunnelHarness harness(Settings());
  harness.Start();
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1011)}));
  harness.Settle();
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 1u);
  harness.Turn(6s);  // the client answers nothing
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Counted(http::Reject::kCloseTimeout), 1u);
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 1u);
}

TEST(TunnelHealth, TheAgeIsThatOfTheTunnelWhenItsEndIsSeen) {
  TunnelHarness harness(Settings());
  const cluster::OpenLease others[] = {cluster::OpenLease(harness.endpoint(), cluster::Work::kTunnel),
                                       cluster::OpenLease(harness.endpoint(), cluster::Work::kTunnel),
                                       cluster::OpenLease(harness.endpoint(), cluster::Work::kTunnel)};
  harness.Start();
  harness.Turn(6s);
  harness.backend().FeedEnd();  // the client answers nothing: the tunnel retires after 11 s
  harness.Settle();
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 1u);
}

TEST(TunnelHealth, TheAnswerOfABackendToACloseEndsTheRow) {
  TunnelHarness harness(Settings());
  harness.endpoint().set_tunnel_failures(2);
  harness.Start();
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 2u);
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 0u);
}

TEST(TunnelHealth, APipesFinSaysNothingAndItsResetOnlyWhileItIsYoung) {
  for (const auto& [reset, age, failures] :
       {std::tuple(false, 1s, 0u), std::tuple(true, 1s, 1u), std::tuple(true, 10s, 0u)}) {
    TunnelHarness harness(Settings(config::Inspection::kOff));
    harness.Start();
    harness.Turn(age);
    reset ? harness.backend().FeedError(ECONNRESET) : harness.backend().FeedEnd();
    harness.Settle();
    EXPECT_EQ(harness.endpoint().tunnel_failures(), failures) << reset << " after " << age.count();
  }
}

TEST(TunnelHealth, AHandshakeMayHaveWaitedForMinutes) {
  RequestRecord record;
  record.start = base::TimePoint(1000s);
  record.SetOpened(record.start + 4h + 1ms);
  EXPECT_EQ(record.opened(), record.start + 4h + 1ms);
  record.SetOpened(record.start + 1h + 1us);
  EXPECT_EQ(record.opened(), record.start + 1h + 1ms) << "never earlier than it was";
}

}  // namespace
}  // namespace hawser::session::tunnel_health_test
