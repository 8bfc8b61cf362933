// The affinity cookie's value as a client would write it. On one site, whose keys signed the corpus, any
// lookup ends. On another, whose key signed three known cookies, only those three are hits: not the input
// itself, and not a genuine cookie with the input laid over it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/affinity.h"
#include "proxy/cluster/membership.h"

namespace hawser::cluster {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};

void Require(bool holds) {
  if (!holds) std::abort();
}

struct Site {
  explicit Site(std::initializer_list<std::string_view> keys) {
    settings.name = "rooms";
    for (const char* address : {"10.0.0.1:9000", "10.0.0.2:9000", "unix:/run/rooms.sock"}) {
      settings.endpoints.push_back({.address = net::SocketAddress::Parse(address).value()});
    }
    config::AffinityCookie cookie{.name = "moor", .ttl = std::chrono::hours(1)};
    for (const std::string_view key : keys) cookie.keys.push_back({std::string(key)});
    settings.affinity = config::Affinity{.cookie = cookie};
    EndpointRegistry registry;
    cluster = MakeMembership(std::make_shared<const Cluster>(settings), TargetsOf(settings), registry);
    for (const Member& member : cluster->members())
      genuine.push_back(affinity().Mint(*member.endpoint, *cluster, kNow));
  }

  const Affinity& affinity() const { return *cluster->cluster()->affinity(); }
  AffinityLookup Find(std::string_view cookie) const { return affinity().Find(cookie, *cluster, {}, kNow); }

  config::Cluster settings;
  std::shared_ptr<const Membership> cluster;
  std::vector<std::string> genuine;  // by member
};

void RequireNoneButGenuine(const Site& site, std::string_view cookie) {
  const AffinityLookup found = site.Find(cookie);
  const auto known = std::find(site.genuine.begin(), site.genuine.end(), cookie);
  if (known == site.genuine.end()) {
    Require(found.result == AffinityResult::kForged && found.endpoint == nullptr);
  } else {
    Require(found.endpoint ==
            site.cluster->members()[static_cast<size_t>(known - site.genuine.begin())].endpoint.get());
  }
}

void Check(std::string_view input) {
  static const Site open({"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"});
  static const Site closed({"a key that signs nothing elsewhere"});

  const AffinityLookup found = open.Find(input);
  Require((found.endpoint != nullptr) == (found.result == AffinityResult::kHit));
  Require(found.result != AffinityResult::kNone && found.result != AffinityResult::kSet);

  RequireNoneButGenuine(closed, input);
  std::string changed = closed.genuine[input.size() % closed.genuine.size()];
  for (size_t i = 0; i < input.size() && i < changed.size(); ++i) {
    changed[i] = static_cast<char>(changed[i] ^ input[i]);
  }
  RequireNoneButGenuine(closed, changed);
}

}  // namespace
}  // namespace hawser::cluster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  hawser::cluster::Check({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
