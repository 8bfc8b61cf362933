// The cost of one look-up in a route table of 1000 routes, with and without a match.
#include <string>

#include "benchmark/benchmark.h"
#include "config/schema.h"
#include "fmt/format.h"
#include "proxy/http/head.h"
#include "proxy/route/route_table.h"

namespace hawser::route {
namespace {

constexpr size_t kRoutes = 1000;

// Hosts with two paths each, wildcards, plain prefixes, and a catch-all at the end.
config::Config Thousand() {
  config::Config config;
  config.listeners.resize(1);
  config.clusters.resize(1);
  config.clusters[0].name = "rooms";
  for (size_t i = 0; i < kRoutes - 1; ++i) {
    config::Route route{.cluster = "rooms"};
    if (i % 4 == 0) route.match.host = fmt::format("tenant{}.example.com", i);
    if (i % 4 == 1) route.match.host = fmt::format("*.tenant{}.example.com", i);
    if (i % 2 == 0) route.match.path_prefix = fmt::format("/chat/{}", i);
    if (i % 2 == 1) route.match.path = fmt::format("/socket/{}", i);
    config.routes.push_back(route);
  }
  config.routes.push_back({.match = {.path_prefix = "/"}, .cluster = "rooms"});
  return config;
}

void Match(benchmark::State& state, std::string_view authority, std::string_view target) {
  const config::Config config = Thousand();
  const RouteTable table = RouteTable::Create(config).value();
  http::RequestHead head;
  head.method = "GET";
  head.authority = authority;
  head.target = target;
  for (const char* name :
       {"Host", "Connection", "Upgrade", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
    head.headers.Add(name, "value");
  }
  for (auto _ : state) benchmark::DoNotOptimize(table.Match(0, head, true));
}

BENCHMARK_CAPTURE(Match, exact_host, "tenant996.example.com", "/chat/996/room?id=1");
BENCHMARK_CAPTURE(Match, wildcard_host, "a.tenant997.example.com:8443", "/socket/997");
BENCHMARK_CAPTURE(Match, catch_all, "www.example.org", "/some/other/path/of/a/usual/length?with=a&query=too");
BENCHMARK_CAPTURE(Match, none, "www.example.org", "*");

void Create(benchmark::State& state) {
  const config::Config config = Thousand();
  for (auto _ : state) benchmark::DoNotOptimize(RouteTable::Create(config));
}
BENCHMARK(Create)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hawser::route

BENCHMARK_MAIN();
