#include "proxy/cluster/membership.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

std::vector<std::shared_ptr<Endpoint>> EndpointsOf(Members members) {
  std::vector<std::shared_ptr<Endpoint>> endpoints;
  endpoints.reserve(members.size());
  for (const Member& member : members) endpoints.push_back(member.endpoint);
  return endpoints;
}

// No certificate has the dot that ends a name which no search list may complete.
std::string_view TlsNameOf(const Target& target) {
  std::string_view name = target.host;
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

}  // namespace

Membership::Membership(std::shared_ptr<const Cluster> cluster, std::shared_ptr<Health> health,
                       std::vector<Member> members)
    : cluster_(std::move(cluster)),
      health_(std::move(health)),
      table_(std::make_shared<const MemberTable>(std::move(members), cluster_->settings().lb_policy)) {
  if (const Affinity* affinity = cluster_->affinity()) {
    tags_ = std::make_shared<const AffinityTags>(affinity->TagsOf(EndpointsOf(this->members())));
  }
}

Endpoint* Membership::Find(std::string_view name) const {
  if (Endpoint* member = table_->Find(name)) return member;
  const auto found = std::find_if(leaving_.begin(), leaving_.end(),
                                  [name](const auto& endpoint) { return endpoint->name() == name; });
  return found == leaving_.end() ? nullptr : found->get();
}

Endpoint* Membership::FindByTag(size_t key, uint64_t tag) const {
  if (tags_ == nullptr) return nullptr;
  if (Endpoint* member = tags_->Find(key, tag)) return member;
  return leaving_tags_ == nullptr ? nullptr : leaving_tags_->Find(key, tag);
}

std::optional<uint64_t> Membership::TagOf(const Endpoint& endpoint) const {
  if (tags_ == nullptr) return std::nullopt;
  if (const auto tag = tags_->Of(endpoint)) return tag;
  return leaving_tags_ == nullptr ? std::nullopt : leaving_tags_->Of(endpoint);
}

std::shared_ptr<const Membership> Membership::WithLeaving(
    std::vector<std::shared_ptr<Endpoint>> leaving) const {
  std::erase_if(leaving, [this](const auto& endpoint) { return table_->Contains(*endpoint); });
  std::shared_ptr<Membership> changed(new Membership(*this));
  changed->leaving_tags_ = nullptr;
  if (const Affinity* affinity = cluster_->affinity(); affinity != nullptr && !leaving.empty()) {
    changed->leaving_tags_ = std::make_shared<const AffinityTags>(affinity->TagsOf(leaving));
  }
  changed->leaving_ = std::move(leaving);
  return changed;
}

std::vector<Target> TargetsOf(const config::Cluster& settings) {
  std::vector<Target> targets;
  targets.reserve(settings.endpoints.size());
  for (const config::Endpoint& endpoint : settings.endpoints) {
    if (endpoint.address.named()) continue;
    targets.push_back({.address = endpoint.address.literal(),
                       .host = {},
                       .weight = endpoint.weight,
                       .priority = endpoint.priority});
  }
  return targets;
}

std::shared_ptr<const Membership> MakeMembership(std::shared_ptr<const Cluster> cluster,
                                                 std::span<const Target> targets,
                                                 EndpointRegistry& registry) {
  const config::Cluster& settings = cluster->settings();
  const bool named_by_host = settings.tls && !settings.tls->server_name;
  std::vector<Member> members;
  absl::flat_hash_map<Endpoint*, std::string_view> hosts;  // of several the first in the alphabet
  for (const Target& target : targets) {
    auto endpoint = registry.Get(settings.name, target.address, named_by_host ? TlsNameOf(target) : "");
    std::string_view& host = hosts[endpoint.get()];
    if (host.empty() || (!target.host.empty() && target.host < host)) host = target.host;
    members.push_back(
        {.endpoint = std::move(endpoint), .weight = target.weight, .priority = target.priority});
  }
  for (const auto& [endpoint, host] : hosts) {
    if (endpoint->host() != host) endpoint->set_host(host);
  }
  return std::make_shared<const Membership>(std::move(cluster), registry.HealthOf(settings.name),
                                            std::move(members));
}

}  // namespace hawser::cluster
