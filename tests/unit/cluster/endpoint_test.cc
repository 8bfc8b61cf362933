#include "proxy/cluster/endpoint.h"

#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

TEST(Endpoint, IsNamedByItsAddress) {
  EXPECT_EQ(Endpoint("rooms", Address("[::1]:9000"), 1).name(), "[::1]:9000");
  EXPECT_EQ(Endpoint("rooms", Address("unix:/run/rooms.sock"), 1).name(), "unix:/run/rooms.sock");
  EXPECT_EQ(Endpoint("rooms", Address("unix:/run/rooms.sock"), 1).cluster(), "rooms");
}

TEST(Endpoint, WeighsAtLeastOne) {
  EXPECT_EQ(Endpoint("rooms", Address("10.0.0.1:1"), 0).weight(), 1u);
  EXPECT_EQ(Endpoint("rooms", Address("10.0.0.1:1"), 7).weight(), 7u);
}

TEST(Endpoint, IsUsableWhileAvailableAndNotAvoided) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"), 1);
  const Endpoint other("rooms", Address("10.0.0.2:1"), 1);
  const Endpoint* const others[] = {&other};
  const Endpoint* const both[] = {&other, &endpoint};
  EXPECT_TRUE(Usable(endpoint, {}));
  EXPECT_TRUE(Usable(endpoint, others));
  EXPECT_FALSE(Usable(endpoint, both));
  SetUsable(endpoint, false);
  EXPECT_FALSE(Usable(endpoint, {}));
}

TEST(Endpoint, AStateBitMovesOnlyFromWhereItStands) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"), 1);
  EXPECT_FALSE(endpoint.MoveState(Endpoint::kEjected, Endpoint::kProbeDue));
  EXPECT_EQ(endpoint.state(), 0u);
  endpoint.ChangeState(Endpoint::kEjected, 0);
  EXPECT_TRUE(endpoint.MoveState(Endpoint::kEjected, Endpoint::kProbeDue));
  EXPECT_FALSE(endpoint.MoveState(Endpoint::kEjected, Endpoint::kProbeDue));
  EXPECT_TRUE(Usable(endpoint, {}));
  EXPECT_EQ(endpoint.state_name(), "probe_due");
}

TEST(OpenLease, CountsUntilItEndsAndOnce) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"), 1);
  {
    OpenLease lease(endpoint);
    EXPECT_EQ(endpoint.active(), 1);
    OpenLease moved(std::move(lease));
    EXPECT_EQ(endpoint.active(), 1);
    moved.Release();
    EXPECT_EQ(endpoint.active(), 0);
    moved.Release();
    EXPECT_EQ(endpoint.active(), 0);
    moved = OpenLease(endpoint);
    moved = OpenLease(endpoint);
    EXPECT_EQ(endpoint.active(), 1);
  }
  EXPECT_EQ(endpoint.active(), 0);
}

TEST(ConnectLease, CountsSuccessFailureAndGivingUpApart) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"), 1);
  ConnectLease made(endpoint);
  ConnectLease failed(endpoint);
  {
    const ConnectLease given_up(endpoint);
    EXPECT_EQ(endpoint.connecting(), 3);
  }
  EXPECT_EQ(endpoint.connecting(), 2);
  made.Succeeded();
  made.Failed();
  EXPECT_EQ(endpoint.connect_failures(), 0u);
  failed.Failed();
  failed.Failed();
  EXPECT_EQ(endpoint.connecting(), 0);
  EXPECT_EQ(endpoint.connects(), 3u);
  EXPECT_EQ(endpoint.connect_failures(), 1u);
}

TEST(Endpoint, LosesNoCountAmongThreads) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"), 1);
  constexpr int kRounds = 10'000;
  const auto work = [&endpoint] {
    for (int i = 0; i < kRounds; ++i) {
      const OpenLease lease(endpoint);
      ConnectLease(endpoint).Failed();
      endpoint.CountTunnelOpened();
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(endpoint.active(), 0);
  EXPECT_EQ(endpoint.connecting(), 0);
  EXPECT_EQ(endpoint.connects(), 2u * kRounds);
  EXPECT_EQ(endpoint.connect_failures(), 2u * kRounds);
  EXPECT_EQ(endpoint.tunnels_opened(), 2u * kRounds);
}

}  // namespace
}  // namespace hawser::cluster
