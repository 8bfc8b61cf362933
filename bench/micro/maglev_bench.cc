// The cost of Maglev: of a pick with all endpoints usable and with a third of them ejected, and of building
// the table.
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "proxy/cluster/cluster.h"

namespace hawser::cluster {
namespace {

config::Cluster ClusterOf(int64_t endpoints) {
  config::Cluster settings;
  settings.name = "rooms";
  settings.lb_policy = config::LbPolicy::kMaglev;
  for (int64_t i = 0; i < endpoints; ++i) {
    const std::string address =
        "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":9000";
    settings.endpoints.push_back({.address = net::SocketAddress::Parse(address).value()});
  }
  return settings;
}

// `out` of every three endpoints are left out.
void Pick(benchmark::State& state, int64_t out) {
  const config::Cluster settings = ClusterOf(state.range(0));
  const Cluster cluster(settings);
  for (size_t i = 0; i < cluster.endpoints().size(); ++i) {
    if (static_cast<int64_t>(i % 3) < out) cluster.endpoints()[i]->ChangeState(Endpoint::kEjected, 0);
  }
  const auto balancer = MakeBalancer(cluster, 1);
  std::mt19937_64 random(1);
  for (auto _ : state) benchmark::DoNotOptimize(balancer->Pick({.hash = random()}));
  state.SetItemsProcessed(state.iterations());
}

void MaglevPick(benchmark::State& state) {
  Pick(state, 0);
}
BENCHMARK(MaglevPick)->Arg(3)->Arg(30)->Arg(1000);

void MaglevPickAThirdOut(benchmark::State& state) {
  Pick(state, 1);
}
BENCHMARK(MaglevPickAThirdOut)->Arg(3)->Arg(30)->Arg(1000);

void MaglevBuild(benchmark::State& state) {
  const config::Cluster settings = ClusterOf(state.range(0));
  const Cluster cluster(settings);
  for (auto _ : state) benchmark::DoNotOptimize(MaglevTable(cluster.endpoints()));
}
BENCHMARK(MaglevBuild)->Arg(3)->Arg(30)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hawser::cluster
