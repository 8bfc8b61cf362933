#include "proxy/cluster/endpoint.h"

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

TEST(Endpoint, IsNamedByItsAddress) {
  EXPECT_EQ(Endpoint("rooms", Address("[::1]:9000")).name(), "[::1]:9000");
  EXPECT_EQ(Endpoint("rooms", Address("unix:/run/rooms.sock")).name(), "unix:/run/rooms.sock");
  EXPECT_EQ(Endpoint("rooms", Address("unix:/run/rooms.sock")).cluster(), "rooms");
}

TEST(Endpoint, IsHashedByItsAddressAndTheNameOfItsCertificate) {
  EXPECT_EQ(Endpoint("rooms", Address("10.0.0.1:1")).hash_key(), "10.0.0.1:1");
  EXPECT_EQ(Endpoint("rooms", Address("10.0.0.1:1"), "db-1.example").hash_key(), "10.0.0.1:1 db-1.example");
  EXPECT_EQ(Endpoint("rooms", Address("10.0.0.1:1"), "db-1.example").name(), "10.0.0.1:1");
}

TEST(Endpoint, HasTheNameThatItWasResolvedFromBesideItsAddressInLogs) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"));
  EXPECT_EQ(endpoint.NameAndHost(), "10.0.0.1:1");
  endpoint.set_host("rooms.internal");
  EXPECT_EQ(endpoint.NameAndHost(), "10.0.0.1:1 (rooms.internal)");
  EXPECT_EQ(endpoint.host(), "rooms.internal");
}

TEST(Endpoint, OneThatDrainsIsUsableForThoseWhoComeToIt) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"));
  endpoint.ChangeState(Endpoint::kDraining, 0);
  EXPECT_TRUE(endpoint.draining());
  EXPECT_TRUE(endpoint.usable());
  EXPECT_EQ(endpoint.state_name(), "draining");
  endpoint.ChangeState(Endpoint::kEjected, 0);
  EXPECT_FALSE(endpoint.usable());
}

TEST(Endpoint, IsUsableWhileAvailableAndNotAvoided) {
  const auto shared = std::make_shared<Endpoint>("rooms", Address("10.0.0.1:1"));
  Endpoint& endpoint = *shared;
  const auto other = std::make_shared<Endpoint>("rooms", Address("10.0.0.2:1"));
  const std::shared_ptr<const Endpoint> others[] = {other};
  const std::shared_ptr<const Endpoint> both[] = {other, shared};
  EXPECT_TRUE(Usable(endpoint, {}));
  EXPECT_TRUE(Usable(endpoint, others));
  EXPECT_FALSE(Usable(endpoint, both));
  SetUsable(endpoint, false);
  EXPECT_FALSE(Usable(endpoint, {}));
}

TEST(Endpoint, HealthIsIgnoredInAPanic) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"));
  endpoint.ChangeState(Endpoint::kCheckFailed, 0);
  EXPECT_EQ(endpoint.state_name(), "check_failed");
  EXPECT_FALSE(endpoint.usable());
  endpoint.ChangeState(Endpoint::kPanic, 0);
  EXPECT_TRUE(endpoint.usable());
  EXPECT_FALSE(endpoint.sound());
}

TEST(OpenLease, KeepsItsEndpoint) {
  auto endpoint = std::make_shared<Endpoint>("rooms", Address("10.0.0.1:1"));
  const std::weak_ptr<Endpoint> known = endpoint;
  OpenLease lease(*endpoint);
  endpoint = nullptr;
  ASSERT_NE(lease, nullptr);
  EXPECT_EQ(lease->name(), "10.0.0.1:1");
  EXPECT_EQ(lease->active(), 1);
  lease.Release();
  EXPECT_EQ(lease, nullptr);
  EXPECT_TRUE(known.expired());
}

TEST(OpenLease, CountsUntilItEndsAndOnce) {
  const auto shared = std::make_shared<Endpoint>("rooms", Address("10.0.0.1:1"));
  Endpoint& endpoint = *shared;
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

TEST(OpenLease, CountsAtItsEndpointAndInItsClusterByKind) {
  EndpointRegistry registry;
  const auto one = registry.Get("rooms", Address("10.0.0.1:1"));
  const auto two = registry.Get("rooms", Address("10.0.0.2:1"));
  const OpenLease request(*one);
  OpenLease handshake(*one, Work::kHandshake);
  OpenLease::Counted counted;
  const OpenLease other(*two, Work::kHandshake, counted);
  EXPECT_EQ(counted.endpoint.all(), 1);
  EXPECT_EQ(counted.cluster.all(), 3);
  EXPECT_EQ(one->requests(), 1);
  EXPECT_EQ(one->handshakes(), 1);
  EXPECT_EQ(one->load().handshakes(), 2);
  handshake.BecomeTunnel();
  EXPECT_EQ(handshake.get(), one.get());
  EXPECT_EQ(handshake.work(), Work::kTunnel);
  EXPECT_EQ(one->handshakes(), 0);
  EXPECT_EQ(one->tunnels(), 1);
  EXPECT_EQ(one->load().tunnels(), 1);
  EXPECT_EQ(one->active(), 2);
  handshake.Release();
  EXPECT_EQ(one->load().tunnels(), 0);
}

TEST(ConnectLease, OneInSixteenThatSucceedsIsMeasured) {
  Endpoint endpoint("rooms", Address("10.0.0.1:9000"));
  EXPECT_EQ(endpoint.connect_time().count(), 0);
  ConnectLease(endpoint).Failed();
  EXPECT_EQ(endpoint.connect_time().count(), 0);
  for (int i = 0; i < 15; ++i) ConnectLease(endpoint).Succeeded();
  EXPECT_EQ(endpoint.connect_time().count(), 0);
  ConnectLease first(endpoint);
  ConnectLease moved = std::move(first);
  moved.Succeeded();
  EXPECT_GT(endpoint.connect_time().count(), 0);
}

TEST(ConnectLease, CountsSuccessFailureAndGivingUpApart) {
  Endpoint endpoint("rooms", Address("10.0.0.1:1"));
  ConnectLease made(endpoint);
  ConnectLease failed(endpoint);
  {
    const ConnectLease given_up(endpoint);
    EXPECT_EQ(endpoint.connecting(), 3);
    EXPECT_EQ(endpoint.load().connecting(), 3);
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
  const auto shared = std::make_shared<Endpoint>("rooms", Address("10.0.0.1:1"));
  Endpoint& endpoint = *shared;
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
