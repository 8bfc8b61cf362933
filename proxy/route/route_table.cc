#include "proxy/route/route_table.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "proxy/base/status_macros.h"
#include "proxy/route/answer.h"
#include "proxy/route/path.h"
#include "proxy/route/regex.h"
#include "proxy/route/value_match.h"

namespace hawser::route {
namespace {

// The target of an OPTIONS that asks the server as a whole (RFC 9110 §9.3.7): any path, and no one path.
constexpr std::string_view kWholeServer = "*";

constexpr size_t kNone = std::numeric_limits<size_t>::max();

// The keys come from the config, so the hash needs no secret.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

using Indexes = std::vector<size_t>;  // of routes, ascending

// The lengths of a map's keys, each once: what has to be probed to find the keys that a text begins or ends
// with. This bounds the work by the config; walking the text's own segments would leave it to the client.
void AddLength(std::vector<size_t>& lengths, size_t length) {
  const auto at = std::lower_bound(lengths.begin(), lengths.end(), length);
  if (at == lengths.end() || *at != length) lengths.insert(at, length);
}

struct PathIndex {
  TextMap<Indexes> exact;
  TextMap<Indexes> prefixes;
  std::vector<size_t> prefix_lengths;
  Indexes others;  // any path, or an expression

  void Add(const config::RouteMatch& match, size_t route) {
    if (match.path) {
      exact[*match.path].push_back(route);
    } else if (match.path_prefix && !match.path_prefix->empty()) {
      prefixes[*match.path_prefix].push_back(route);
      AddLength(prefix_lengths, match.path_prefix->size());
    } else {
      others.push_back(route);
    }
  }
};

struct HostIndex {
  TextMap<PathIndex> exact;
  TextMap<PathIndex> wildcards;  // ".example.com" for *.example.com
  std::vector<size_t> wildcard_lengths;
  PathIndex any;

  PathIndex& For(const std::optional<std::string>& host) {
    if (!host || *host == "*") return any;
    const HostName name(*host);
    if (!name.view().starts_with("*.")) return exact[std::string(name.view())];
    const std::string_view suffix = name.view().substr(1);
    AddLength(wildcard_lengths, suffix.size());
    return wildcards[std::string(suffix)];
  }
};

// What a route asks beyond the host and the path that its index has checked.
struct Conditions {
  std::optional<Regex> path;
  std::vector<ValueMatch> headers;
  std::vector<ValueMatch> query;
  std::optional<std::string> subprotocol;
};

// Subprotocols compare with case (RFC 6455 §4.1, §11.5).
bool Offers(const http::HeaderList& headers, std::string_view subprotocol) {
  for (const http::Header& header : headers) {
    if (!http::EqualsIgnoreCase(header.name, "Sec-WebSocket-Protocol")) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (http::TrimWhitespace(rest.substr(0, comma)) == subprotocol) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

absl::StatusOr<std::vector<ValueMatch>> CompileAll(const std::vector<config::ValueMatch>& settings) {
  std::vector<ValueMatch> matches;
  for (const config::ValueMatch& one : settings) {
    HAWSER_ASSIGN_OR_RETURN(ValueMatch match, ValueMatch::Compile(one));
    matches.push_back(std::move(match));
  }
  return matches;
}

absl::StatusOr<Conditions> CompileConditions(const config::RouteMatch& match) {
  Conditions conditions;
  if (match.path_regex) {
    HAWSER_ASSIGN_OR_RETURN(conditions.path, Regex::Compile(*match.path_regex));
  }
  HAWSER_ASSIGN_OR_RETURN(conditions.headers, CompileAll(match.headers));
  HAWSER_ASSIGN_OR_RETURN(conditions.query, CompileAll(match.query));
  conditions.subprotocol = match.subprotocol;
  return conditions;
}

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
    HAWSER_ASSIGN_OR_RETURN(Conditions compiled, CompileConditions(route.settings.match));
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

// One look-up: keeps the first route, in file order, of those that it has been offered and that hold.
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
      if (!Holds(conditions_[route])) continue;
      best_ = route;
      return;
    }
  }

  bool Holds(const Conditions& conditions) const {
    if (conditions.subprotocol && !(websocket_ && Offers(head_.headers, *conditions.subprotocol)))
      return false;
    for (const ValueMatch& match : conditions.headers) {
      if (!match.HoldsForHeaders(head_.headers)) return false;
    }
    for (const ValueMatch& match : conditions.query) {
      if (!match.HoldsForQuery(head_.query())) return false;
    }
    return !conditions.path || (path_ != kWholeServer && conditions.path->Matches(path_));
  }

  const std::vector<Conditions>& conditions_;
  const http::RequestHead& head_;
  const std::string_view path_;
  const bool websocket_;
  size_t best_ = kNone;
};

}  // namespace

size_t Route::PickCluster(uint64_t random) const {
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
  index->routes.reserve(config.routes.size());
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
