#include "proxy/route/route.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/route/answer.h"
#include "proxy/route/path.h"

namespace hawser::route {
namespace {

bool ChangesRequests(const config::Route& settings) {
  const config::HeaderRules& rules = settings.request_headers;
  return settings.prefix_rewrite || settings.regex_rewrite || settings.host_rewrite ||
         !(rules.add.empty() && rules.set.empty() && rules.remove.empty());
}

std::vector<WeightedTarget> TargetsOf(const config::Route& settings, base::NameTable& clusters) {
  std::vector<WeightedTarget> targets;
  const auto add = [&](std::string_view cluster, uint32_t weight) {
    const uint64_t before = targets.empty() ? 0 : targets.back().below;
    targets.push_back({.cluster = clusters.Intern(cluster), .below = before + weight});
  };
  if (settings.cluster) add(*settings.cluster, 1);
  for (const config::WeightedCluster& one : settings.weighted_clusters) add(one.name, one.weight);
  return targets;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Route>> Route::Compile(config::Route settings, base::Name name,
                                                            base::NameTable& clusters,
                                                            std::shared_ptr<stats::Group> group) {
  const auto bad = [&name](std::string_view what) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", name.text(), what));
  };
  std::vector<WeightedTarget> targets = TargetsOf(settings, clusters);
  if (!Answers(settings) && (targets.empty() || targets.back().below == 0)) {
    return bad("no cluster, or none with a weight");
  }
  if (settings.match.host && HostName(*settings.match.host).view().empty()) {
    return bad(fmt::format("not a host: \"{}\"", *settings.match.host));
  }
  HAWSER_ASSIGN_OR_RETURN(Conditions conditions, Conditions::Compile(settings.match));
  std::optional<Rewrite> rewrite;
  if (ChangesRequests(settings)) {
    HAWSER_ASSIGN_OR_RETURN(rewrite, Rewrite::Compile(settings));
  }
  if (group == nullptr) group = std::make_shared<stats::Group>(1);
  return std::make_shared<Route>(Route{.settings = std::move(settings),
                                       .name = std::move(name),
                                       .conditions = std::move(conditions),
                                       .clusters = std::move(targets),
                                       .rewrite = std::move(rewrite),
                                       .group = std::move(group)});
}

const base::Name& Route::PickCluster(uint64_t random) const {
  HAWSER_DCHECK(!clusters.empty() && clusters.back().below > 0);
  const uint64_t point = random % clusters.back().below;
  const auto found = std::find_if(clusters.begin(), clusters.end(),
                                  [point](const WeightedTarget& target) { return point < target.below; });
  return found->cluster;
}

}  // namespace hawser::route
