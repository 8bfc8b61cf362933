// What tunnels tell of their endpoint: that they have lived, and how they ended.
#include "gtest/gtest.h"
#include "proxy/cluster/health.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::proven_tunnel_test {
namespace {

using namespace std::chrono_literals;
using cluster::Health;

TEST(ProvenTunnel, EndsItsEndpointsRowOfFailuresOnceItHasLived) {
  TunnelHarness harness;
  harness.endpoint().set_tunnel_failures(2);
  harness.Start();
  harness.Turn(Health::kProvenAfter - 1s);
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 2u);
  for (int i = 0; i < 5; ++i) harness.Turn(1s);  // timers are set to fire together with others
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 0u);
}

TEST(ProvenTunnel, AnEarlyEndWithoutACloseFrameCounts) {
  TunnelHarness harness;
  harness.Start();
  harness.Turn(Health::kProvenAfter - 1s);
  harness.backend().FeedEnd();
  harness.Settle();
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 1u);
}

// A handshake may have waited for its admission, or its backend taken its time.
TEST(ProvenTunnel, ItsAgeIsCountedFromThe101) {
  TunnelHarness harness;
  RequestRecord& record = *harness.parts().record;
  record.start -= 1min;
  record.SetOpened(harness.loop().now());
  harness.Start();
  harness.Turn(1s);
  harness.backend().FeedEnd();
  harness.Settle();
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 1u);
}

TEST(ProvenTunnel, ACloseFrameInAnswerToTheClientsEndsTheRow) {
  TunnelHarness harness;
  harness.endpoint().set_tunnel_failures(2);
  harness.Start();
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  harness.backend().FeedEnd();
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.endpoint().tunnel_failures(), 0u);
}

}  // namespace
}  // namespace hawser::session::proven_tunnel_test
