// The cost of one look-up in a route table of 1000 routes, with and without a match.
#include <string>
#include <utility>

#include "benchmark/benchmark.h"
#include "config/schema.h"
#include "fmt/format.h"
#include "proxy/http/head.h"
#include "proxy/route/route_table.h"

namespace hawser::route {
namespace {

constexpr size_t kRoutes = 1000;

// Hosts with two paths each, wildcards, plain prefixes, and a catch-all at the end.
struct Thousand {
  Thousand() {
    for (size_t i = 0; i < kRoutes - 1; ++i) {
      config::Route route{.cluster = "rooms"};
      if (i % 4 == 0) route.match.host = fmt::format("tenant{}.example.com", i);
      if (i % 4 == 1) route.match.host = fmt::format("*.tenant{}.example.com", i);
      if (i % 2 == 0) route.match.path_prefix = fmt::format("/chat/{}", i);
      if (i % 2 == 1) route.match.path = fmt::format("/socket/{}", i);
      Add(std::move(route));
    }
    Add({.match = {.path_prefix = "/"}, .cluster = "rooms"});
  }

  void Add(config::Route route) {
    const base::Name name = names.Intern(fmt::format("route-{}", routes.size()));
    routes.push_back(Route::Compile(std::move(route), name, clusters).value());
  }
  RouteTable Table() const { return RouteTable::Create(routes, {&listener, 1}).value(); }

  base::NameTable names, clusters;
  const base::Name listener = names.Intern("listener");
  RouteTable::Routes routes;
};

void Match(benchmark::State& state, std::string_view authority, std::string_view target) {
  const Thousand routes;
  const RouteTable table = routes.Table();
  http::RequestHead head;
  head.method = "GET";
  head.authority = authority;
  head.target = target;
  for (const char* name :
       {"Host", "Connection", "Upgrade", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
    head.headers.Add(name, "value");
  }
  for (auto _ : state) benchmark::DoNotOptimize(table.Match(routes.listener.id(), head, true));
}

BENCHMARK_CAPTURE(Match, exact_host, "tenant996.example.com", "/chat/996/room?id=1");
BENCHMARK_CAPTURE(Match, wildcard_host, "a.tenant997.example.com:8443", "/socket/997");
BENCHMARK_CAPTURE(Match, catch_all, "www.example.org", "/some/other/path/of/a/usual/length?with=a&query=too");
BENCHMARK_CAPTURE(Match, none, "www.example.org", "*");

void Create(benchmark::State& state) {
  const Thousand routes;
  for (auto _ : state) benchmark::DoNotOptimize(routes.Table());
}
BENCHMARK(Create)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hawser::route

BENCHMARK_MAIN();
