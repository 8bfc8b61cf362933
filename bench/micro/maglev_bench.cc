// The cost of Maglev: of a pick with all endpoints usable and with a third of them ejected, and of building
// the table.
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "proxy/cluster/balancer.h"
#include "proxy/cluster/member_table.h"

namespace hawser::cluster {
namespace {

std::vector<Member> MembersOf(int64_t count) {
  std::vector<Member> members;
  for (int64_t i = 0; i < count; ++i) {
    const std::string address =
        "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":9000";
    members.push_back(
        {.endpoint = std::make_shared<Endpoint>("rooms", net::SocketAddress::Parse(address).value())});
  }
  return members;
}

// `out` of every three endpoints are left out.
void Pick(benchmark::State& state, int64_t out) {
  const MemberTable table(MembersOf(state.range(0)), config::LbPolicy::kMaglev);
  for (size_t i = 0; i < table.members().size(); ++i) {
    if (static_cast<int64_t>(i % 3) < out) table.members()[i].endpoint->ChangeState(Endpoint::kEjected, 0);
  }
  const UsableView view(table.levels().front(), std::nullopt, base::SteadyNow());
  const auto balancer = MakeBalancer(table.policy(), view, 1);
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
  const MemberTable table(MembersOf(state.range(0)), config::LbPolicy::kMaglev);
  for (auto _ : state) benchmark::DoNotOptimize(MaglevTable(table.members()));
}
BENCHMARK(MaglevBuild)->Arg(3)->Arg(30)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hawser::cluster
