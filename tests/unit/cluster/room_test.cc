// Circuit breakers, bounded loads and admission, as far as the pick goes.
#include "proxy/cluster/room.h"

#include <algorithm>
#include <thread>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::room_test {
namespace {

using namespace std::chrono_literals;
using config::LbPolicy;

config::Cluster Settings(size_t endpoints, LbPolicy policy = LbPolicy::kRoundRobin) {
  config::Cluster settings = EvenCluster(policy, endpoints);
  settings.hash_policy = {{.header = "X-Room"}};
  return settings;
}

// A worker of the fleet's cluster that keeps what it is given.
class Client {
 public:
  explicit Client(const Fleet& fleet, uint64_t seed = 1) : worker_(fleet.membership(), seed) {}

  Picked Choose(bool websocket, base::TimePoint now = base::SteadyNow()) {
    const std::string room = std::to_string(random_());
    http::RequestHead head;
    head.headers.Add("X-Room", room);
    return worker_.Choose({.head = head, .random = random_(), .websocket = websocket, .now = now});
  }
  // Adds up to `count` and returns how many there were.
  int Take(bool websocket, int count) {
    for (int i = 0; i < count; ++i) {
      Picked picked = Choose(websocket);
      if (picked.endpoint == nullptr) {
        why_ = picked.why;
        return i;
      }
      leases_.push_back(std::move(picked.lease));
    }
    return count;
  }
  NoPick why() const { return why_; }
  std::vector<OpenLease>& leases() { return leases_; }
  WorkerCluster& worker() { return worker_; }

 private:
  WorkerCluster worker_;
  std::mt19937_64 random_{11};
  std::vector<OpenLease> leases_;
  NoPick why_ = NoPick::kNone;
};

// --- Circuit breakers ---

TEST(CircuitBreakers, OfTheClusterCountTunnelsWithTheirHandshakes) {
  config::Cluster settings = Settings(3);
  settings.circuit_breakers.tunnels = 5;
  const Fleet fleet(settings);
  Client client(fleet);
  EXPECT_EQ(client.Take(true, 3), 3);
  client.leases()[0].BecomeTunnel();
  EXPECT_EQ(client.Take(true, 9), 2);
  EXPECT_EQ(client.why(), NoPick::kTunnelsFull);
  EXPECT_EQ(client.Take(false, 7), 7) << "requests are no tunnels";
  client.leases().erase(client.leases().begin());
  EXPECT_EQ(client.Take(true, 9), 1);
}

TEST(CircuitBreakers, OfTheClusterCountRequestsApart) {
  config::Cluster settings = Settings(3);
  settings.circuit_breakers.requests = 4;
  const Fleet fleet(settings);
  Client client(fleet);
  EXPECT_EQ(client.Take(true, 9), 9);
  EXPECT_EQ(client.Take(false, 9), 4);
  EXPECT_EQ(client.why(), NoPick::kRequestsFull);
}

TEST(CircuitBreakers, WhatARequestStillHoldsIsNoLoad) {
  config::Cluster settings = Settings(2);
  settings.circuit_breakers.tunnels = 1;
  const Fleet fleet(settings);
  Client client(fleet);
  ASSERT_EQ(client.Take(true, 1), 1);
  const std::shared_ptr<const Endpoint> tried[] = {client.leases()[0].shared()};
  const http::RequestHead head;
  const Picked again =
      client.worker().Choose({.head = head, .tried = tried, .websocket = true, .held = tried[0].get()});
  EXPECT_NE(again.endpoint, nullptr);
  EXPECT_EQ(client.worker().Choose({.head = head, .websocket = true}).why, NoPick::kTunnelsFull);
}

// A handshake that has waited for its admission picks anew while it is counted where it waited.
TEST(CircuitBreakers, WhatARequestStillHoldsTakesNoPlaceAtItsEndpoint) {
  config::Cluster settings = Settings(1);
  settings.endpoint_circuit_breakers.tunnels = 1;
  const Fleet fleet(settings);
  Client client(fleet);
  ASSERT_EQ(client.Take(true, 1), 1);
  const http::RequestHead head;
  const Endpoint* const held = fleet.endpoints()[0].get();
  EXPECT_EQ(client.worker().Choose({.head = head, .websocket = true, .held = held}).endpoint, held);
  EXPECT_EQ(client.worker().Choose({.head = head, .websocket = true}).why, NoPick::kTunnelsFull);
}

TEST(CircuitBreakers, OfEndpointsRefuseOnlyWhenAllAreFull) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kLeastRequest, LbPolicy::kRandom,
                                LbPolicy::kRingHash, LbPolicy::kMaglev}) {
    config::Cluster settings = Settings(3, policy);
    settings.endpoint_circuit_breakers.tunnels = 7;
    const Fleet fleet(settings);
    Client client(fleet);
    EXPECT_EQ(client.Take(true, 100), 21);
    EXPECT_EQ(client.why(), NoPick::kTunnelsFull);
    for (const auto& endpoint : fleet.endpoints()) EXPECT_EQ(endpoint->handshakes(), 7);
  }
}

TEST(CircuitBreakers, OfConnectionsLookAtWhoNeedsOne) {
  config::Cluster settings = Settings(2);
  settings.endpoint_circuit_breakers.connecting = 1;
  const Fleet fleet(settings);
  Client client(fleet);
  ConnectLease first(*fleet.endpoints()[0]);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(client.Choose(true).endpoint, fleet.endpoints()[1].get());
  ConnectLease second(*fleet.endpoints()[1]);
  EXPECT_EQ(client.Choose(true).why, NoPick::kConnectingFull);
  const IdleLease idle(*fleet.endpoints()[0]);
  EXPECT_EQ(client.Choose(false).endpoint, fleet.endpoints()[0].get());
  EXPECT_EQ(client.Choose(true).why, NoPick::kConnectingFull) << "a WebSocket needs one of its own";
}

// Its first connection may be in its TLS handshake still, and serves those who wait for it.
TEST(CircuitBreakers, OfConnectionsLeaveItToThePoolWhereTheyAreShared) {
  config::Cluster settings = Settings(1);
  settings.protocol = config::BackendProtocol::kHttp2;
  settings.endpoint_circuit_breakers.connecting = 1;
  settings.circuit_breakers.connecting = 1;
  const Fleet fleet(settings);
  Client client(fleet);
  const ConnectLease first(*fleet.endpoints()[0]);
  EXPECT_EQ(client.Choose(true).endpoint, fleet.endpoints()[0].get());
  EXPECT_EQ(client.Choose(false).endpoint, fleet.endpoints()[0].get());
}

TEST(CircuitBreakers, WhoComesWithACookieMovesFromAFullEndpoint) {
  config::Cluster settings = Settings(2);
  settings.affinity =
      config::Affinity{.cookie = config::AffinityCookie{.name = "moor", .keys = {{std::string(32, 'k')}}}};
  settings.endpoint_circuit_breakers.tunnels = 1;
  const Fleet fleet(settings);
  WorkerCluster worker(fleet.membership(), 1);
  const OpenLease tunnel(*fleet.endpoints()[0], Work::kTunnel);
  const std::string cookie = "moor=" + fleet.Mint(*fleet.endpoints()[0], WallNow());
  http::RequestHead head;
  head.headers.Add("Cookie", cookie);
  const Picked picked = worker.Choose({.head = head, .websocket = true});
  EXPECT_EQ(picked.endpoint, fleet.endpoints()[1].get());
  EXPECT_EQ(picked.affinity, AffinityResult::kGone);
  EXPECT_TRUE(picked.renew_affinity);
}

// Workers that pick at the same time pass no limit, neither of an endpoint nor of the cluster.
TEST(CircuitBreakers, AreExactAmongWorkers) {
  config::Cluster settings = Settings(3, LbPolicy::kLeastRequest);
  settings.endpoint_circuit_breakers.tunnels = 4;
  settings.circuit_breakers.tunnels = 10;
  const Fleet fleet(settings);
  std::atomic<int64_t> inside = 0;
  std::atomic<int64_t> most = 0;
  const auto work = [&](uint64_t seed) {
    Client client(fleet, seed);
    for (int i = 0; i < 3000; ++i) {
      Picked picked = client.Choose(true);
      if (picked.endpoint == nullptr) continue;
      const int64_t now = ++inside;
      int64_t seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      picked.lease.BecomeTunnel();
      if (i % 16 == 0) std::this_thread::yield();
      --inside;
    }
  };
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 10);
  EXPECT_GT(most, 0);
  EXPECT_EQ(fleet.health().load().tunnels(), 0);
  for (const auto& endpoint : fleet.endpoints()) EXPECT_EQ(endpoint->active(), 0);
}

// --- Bounded loads ---

class Bounded : public testing::TestWithParam<LbPolicy> {};
INSTANTIATE_TEST_SUITE_P(, Bounded, testing::Values(LbPolicy::kRingHash, LbPolicy::kMaglev), PolicyName);

TEST_P(Bounded, NoEndpointHasMoreThanTheFactorOfTheMean) {
  config::Cluster settings = Settings(5, GetParam());
  settings.hash_balance_factor = 125;
  const Fleet fleet(settings);
  WorkerCluster worker(fleet.membership(), 1);
  http::RequestHead head;
  head.headers.Add("X-Room", "the one that everybody wants");
  std::vector<OpenLease> leases;
  for (int open = 1; open <= 400; ++open) {
    leases.push_back(worker.Choose({.head = head}).lease);
    for (const auto& endpoint : fleet.endpoints())
      EXPECT_LE(endpoint->active(), (open * 125 + 499) / 500) << open;
  }
}

TEST_P(Bounded, WhatARequestStillHoldsIsNoLoad) {
  config::Cluster settings = Settings(2, GetParam());
  settings.hash_balance_factor = 100;
  const Fleet fleet(settings);
  WorkerCluster worker(fleet.membership(), 1);
  http::RequestHead head;
  head.headers.Add("X-Room", "a");
  const OpenLease lease = worker.Choose({.head = head}).lease;
  EXPECT_EQ(worker.Choose({.head = head, .held = lease.get()}).endpoint, lease.get());
  EXPECT_NE(worker.Choose({.head = head}).endpoint, lease.get());
}

TEST_P(Bounded, FollowWeights) {
  config::Cluster settings = ClusterOf(GetParam(), {4, 1, 0});
  settings.hash_policy = {{.header = "X-Room"}};
  settings.hash_balance_factor = 110;
  const Fleet fleet(settings);
  WorkerCluster worker(fleet.membership(), 1);
  http::RequestHead head;
  head.headers.Add("X-Room", "a");
  std::vector<OpenLease> leases;
  for (int i = 0; i < 500; ++i) leases.push_back(worker.Choose({.head = head}).lease);
  EXPECT_LE(fleet.endpoints()[0]->active(), 440);
  EXPECT_LE(fleet.endpoints()[1]->active(), 110);
  EXPECT_EQ(fleet.endpoints()[2]->active(), 0);
}

TEST_P(Bounded, WhoFitsStaysWhereTheHashSays) {
  config::Cluster settings = Settings(5, GetParam());
  const Fleet plain(settings);
  settings.hash_balance_factor = 200;
  const Fleet bounded(settings, plain.registry());
  WorkerCluster without(plain.membership(), 1);
  WorkerCluster with(bounded.membership(), 1);
  for (int i = 0; i < 100; ++i) {
    const std::string room = std::to_string(i);
    http::RequestHead head;
    head.headers.Add("X-Room", room);
    EXPECT_EQ(without.Choose({.head = head}).endpoint, with.Choose({.head = head}).endpoint);
  }
}

// --- Admission ---

config::Cluster WithAdmission(size_t endpoints) {
  config::Cluster settings = Settings(endpoints);
  settings.admission = config::Admission{.rate = {1}, .burst = 3, .pending = 2};
  return settings;
}

// What a request does that was picked: it takes its token where it need not wait.
bool Send(const Picked& picked, base::TimePoint now) {
  return !picked.queue && picked.endpoint->admission().TryTake(now, AdmissionRate::Of(1, 3));
}

TEST(Admission, GoesWhereThereIsATokenAndThenWaits) {
  const Fleet fleet(WithAdmission(2));
  Client client(fleet);
  const base::TimePoint now = base::SteadyNow();
  std::map<const Endpoint*, int> sent;
  for (int i = 0; i < 6; ++i) {
    const Picked picked = client.Choose(true, now);
    EXPECT_TRUE(Send(picked, now)) << i;
    ++sent[picked.endpoint];
  }
  EXPECT_EQ(sent[fleet.endpoints()[0].get()], 3);
  EXPECT_EQ(sent[fleet.endpoints()[1].get()], 3);
  EXPECT_TRUE(client.Choose(true, now).queue);
  EXPECT_FALSE(client.Choose(false, now).queue) << "no handshake";
  EXPECT_FALSE(client.Choose(true, now + 1s).queue);
}

TEST(Admission, NobodyOvertakesThoseWhoWait) {
  const Fleet fleet(WithAdmission(2));
  Client client(fleet);
  const base::TimePoint now = base::SteadyNow();
  AdmissionBucket& first = fleet.endpoints()[0]->admission();
  AdmissionBucket& second = fleet.endpoints()[1]->admission();
  ASSERT_TRUE(first.Enter(9));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Choose(true, now).endpoint, fleet.endpoints()[1].get());
  ASSERT_TRUE(second.Enter(9));
  EXPECT_TRUE(client.Choose(true, now + 1h).queue);
  first.Leave();
  second.Leave();
}

TEST(Admission, AQueueWithPlacesGoesBeforeAFullOne) {
  const Fleet fleet(WithAdmission(2));
  Client client(fleet);
  const base::TimePoint now = base::SteadyNow();
  for (int i = 0; i < 6; ++i) Send(client.Choose(true, now), now);
  AdmissionBucket& full = fleet.endpoints()[0]->admission();
  AdmissionBucket& other = fleet.endpoints()[1]->admission();
  ASSERT_TRUE(full.Enter(2) && full.Enter(2));
  for (int i = 0; i < 4; ++i) {
    const Picked picked = client.Choose(true, now);
    EXPECT_TRUE(picked.queue);
    EXPECT_EQ(picked.endpoint, fleet.endpoints()[1].get());
  }
  ASSERT_TRUE(other.Enter(2) && other.Enter(2));
  EXPECT_NE(client.Choose(true, now).endpoint, nullptr) << "whose queue then refuses it";
  for (AdmissionBucket* bucket : {&full, &other}) {
    bucket->Leave();
    bucket->Leave();
  }
}

TEST(Admission, WhoComesWithACookieWaitsForItsEndpoint) {
  config::Cluster settings = WithAdmission(2);
  settings.affinity =
      config::Affinity{.cookie = config::AffinityCookie{.name = "moor", .keys = {{std::string(32, 'k')}}}};
  const Fleet fleet(settings);
  WorkerCluster worker(fleet.membership(), 1);
  const std::string cookie = "moor=" + fleet.Mint(*fleet.endpoints()[0], WallNow());
  http::RequestHead head;
  head.headers.Add("Cookie", cookie);
  const base::TimePoint now = base::SteadyNow();
  for (int i = 0; i < 5; ++i) {
    const Picked picked = worker.Choose({.head = head, .websocket = true, .now = now});
    EXPECT_EQ(picked.endpoint, fleet.endpoints()[0].get());
    EXPECT_EQ(Send(picked, now), i < 3);
  }
}

}  // namespace
}  // namespace hawser::cluster::room_test
