#include "proxy/route/route_table.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/route/answer.h"
#include "proxy/route/conditions.h"
#include "proxy/route/host_index.h"
#include "proxy/route/path.h"

namespace hawser::route {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

// The index of the element with that name, or kNone.
template <typename Named>
size_t IndexOf(const std::vector<Named>& elements, std::string_view name) {
  const auto found = std::find_if(elements.begin(), elements.end(),
                                  [name](const Named& element) { return element.name == name; });
  return found == elements.end() ? kNone : static_cast<size_t>(found - elements.begin());
}

absl::Status UnknownName(const Route& route, std::string_view what, std::string_view name) {
  return absl::InvalidArgumentError(fmt::format("{}: no {} is named \"{}\"", route.name, what, name));
}

absl::Status AddTarget(const config::Config& config, std::string_view cluster, uint32_t weight,
                       Route& route) {
  const size_t index = IndexOf(config.clusters, cluster);
  if (index == kNone) return UnknownName(route, "cluster", cluster);
  const uint64_t before = route.clusters.empty() ? 0 : route.clusters.back().below;
  route.clusters.push_back({.cluster = index, .below = before + weight});
  return absl::OkStatus();
}

bool ChangesRequests(const config::Route& settings) {
  const config::HeaderRules& rules = settings.request_headers;
  return settings.prefix_rewrite || settings.regex_rewrite || settings.host_rewrite ||
         !(rules.add.empty() && rules.set.empty() && rules.remove.empty());
}

absl::StatusOr<Route> CompileRoute(const config::Config& config, size_t index) {
  const config::Route& settings = config.routes[index];
  Route route{.settings = settings,
              .name = settings.name.empty() ? fmt::format("route-{}", index + 1) : settings.name,
              .index = index,
              .clusters = {}};
  if (settings.cluster) HAWSER_RETURN_IF_ERROR(AddTarget(config, *settings.cluster, 1, route));
  for (const config::WeightedCluster& one : settings.weighted_clusters) {
    HAWSER_RETURN_IF_ERROR(AddTarget(config, one.name, one.weight, route));
  }
  if (!Answers(settings) && (route.clusters.empty() || route.clusters.back().below == 0)) {
    return absl::InvalidArgumentError(fmt::format("{}: no cluster, or none with a weight", route.name));
  }
  if (ChangesRequests(settings)) {
    HAWSER_ASSIGN_OR_RETURN(route.rewrite, Rewrite::Compile(settings));
  }
  return route;
}

}  // namespace

struct RouteTable::Index {
  std::vector<Route> routes;
  std::vector<Conditions> conditions;  // of the route with the same index
  std::vector<HostIndex> listeners;

  absl::Status Add(const config::Config& config, size_t index) {
    HAWSER_ASSIGN_OR_RETURN(Route route, CompileRoute(config, index));
    HAWSER_ASSIGN_OR_RETURN(Conditions compiled, Conditions::Compile(route.settings.match));
    const config::RouteMatch& match = route.settings.match;
    if (match.host && HostName(*match.host).view().empty()) {
      return absl::InvalidArgumentError(fmt::format("{}: not a host: \"{}\"", route.name, *match.host));
    }
    for (const std::string& name : route.settings.listeners) {
      const size_t listener = IndexOf(config.listeners, name);
      if (listener == kNone) return UnknownName(route, "listener", name);
      listeners[listener].For(match.host).Add(match, index);
    }
    if (route.settings.listeners.empty()) {
      for (HostIndex& listener : listeners) listener.For(match.host).Add(match, index);
    }
    routes.push_back(std::move(route));
    conditions.push_back(std::move(compiled));
    return absl::OkStatus();
  }
};

namespace {

// One look-up: of the routes that are offered and match, keeps the first one in file order.
class Search {
 public:
  Search(const std::vector<Conditions>& conditions, const http::RequestHead& head, bool websocket)
      : conditions_(conditions), head_(head), path_(head.path()), websocket_(websocket) {}

  size_t best() const { return best_; }

  void Offer(const HostIndex& index, std::string_view host) {
    if (const auto found = index.exact.find(host); found != index.exact.end()) Offer(found->second);
    for (const size_t length : index.wildcard_lengths) {
      if (length >= host.size()) break;  // the star stands for at least one byte
      const auto found = index.wildcards.find(host.substr(host.size() - length));
      if (found != index.wildcards.end()) Offer(found->second);
    }
    Offer(index.any);
  }

 private:
  void Offer(const PathIndex& index) {
    if (path_ == kWholeServer) {
      if (const auto root = index.prefixes.find("/"); root != index.prefixes.end()) Offer(root->second);
      return Offer(index.others);
    }
    if (const auto found = index.exact.find(path_); found != index.exact.end()) Offer(found->second);
    for (const size_t length : index.prefix_lengths) {
      if (length > path_.size()) break;
      if (!EndsSegment(path_, length)) continue;
      const auto found = index.prefixes.find(path_.substr(0, length));
      if (found != index.prefixes.end()) Offer(found->second);
    }
    Offer(index.others);
  }

  void Offer(const Indexes& routes) {
    for (const size_t route : routes) {
      if (route >= best_) return;
      if (!conditions_[route].HoldFor(head_, websocket_)) continue;
      best_ = route;
      return;
    }
  }

  const std::vector<Conditions>& conditions_;
  const http::RequestHead& head_;
  const std::string_view path_;
  const bool websocket_;
  size_t best_ = kNone;
};

}  // namespace

size_t Route::PickCluster(uint64_t random) const {
  HAWSER_DCHECK(!clusters.empty() && clusters.back().below > 0);
  const uint64_t point = random % clusters.back().below;
  const auto found = std::find_if(clusters.begin(), clusters.end(),
                                  [point](const WeightedTarget& target) { return point < target.below; });
  return found->cluster;
}

RouteTable::RouteTable(std::unique_ptr<const Index> index) : index_(std::move(index)) {}
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;
RouteTable::~RouteTable() = default;

absl::StatusOr<RouteTable> RouteTable::Create(const config::Config& config) {
  auto index = std::make_unique<Index>();
  index->listeners.resize(config.listeners.size());
  index->routes.reserve(config.routes.size());  // pointers into it are handed out
  for (size_t i = 0; i < config.routes.size(); ++i) HAWSER_RETURN_IF_ERROR(index->Add(config, i));
  return RouteTable(std::move(index));
}

const Route* RouteTable::Match(size_t listener, const http::RequestHead& head, bool websocket) const {
  if (listener >= index_->listeners.size() || HasDotSegments(head.path())) return nullptr;
  const HostName host(head.authority);
  Search search(index_->conditions, head, websocket);
  search.Offer(index_->listeners[listener], host.view());
  return search.best() == kNone ? nullptr : &index_->routes[search.best()];
}

std::span<const Route> RouteTable::routes() const {
  return index_->routes;
}

}  // namespace hawser::route
