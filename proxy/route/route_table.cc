#include "proxy/route/route_table.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/route/host_index.h"
#include "proxy/route/path.h"

namespace hawser::route {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

}  // namespace

struct RouteTable::Index {
  Routes routes;
  absl::flat_hash_map<uint32_t, HostIndex> listeners;  // by the id of the name

  absl::Status Add(size_t place, std::span<const base::Name> names) {
    const Route& route = *routes[place];
    const config::RouteMatch& match = route.settings.match;
    for (const std::string& wanted : route.settings.listeners) {
      const auto name = std::find_if(names.begin(), names.end(),
                                     [&](const base::Name& one) { return one.text() == wanted; });
      if (name == names.end()) {
        return absl::InvalidArgumentError(
            fmt::format("{}: no listener is named \"{}\"", route.name.text(), wanted));
      }
      listeners[name->id()].For(match.host).Add(match, place);
    }
    if (route.settings.listeners.empty()) {
      for (auto& [id, listener] : listeners) listener.For(match.host).Add(match, place);
    }
    return absl::OkStatus();
  }
};

namespace {

// One look-up: of the routes that are offered and match, keeps the first one in file order.
class Search {
 public:
  Search(const RouteTable::Routes& routes, const http::RequestHead& head, bool websocket)
      : routes_(routes), head_(head), path_(head.path()), websocket_(websocket) {}

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
      if (!routes_[route]->conditions.HoldFor(head_, websocket_)) continue;
      best_ = route;
      return;
    }
  }

  const RouteTable::Routes& routes_;
  const http::RequestHead& head_;
  const std::string_view path_;
  const bool websocket_;
  size_t best_ = kNone;
};

}  // namespace

RouteTable::RouteTable(std::unique_ptr<const Index> index) : index_(std::move(index)) {}
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;
RouteTable::~RouteTable() = default;

absl::StatusOr<RouteTable> RouteTable::Create(Routes routes, std::span<const base::Name> listeners) {
  auto index = std::make_unique<Index>();
  for (const base::Name& name : listeners) index->listeners.try_emplace(name.id());
  index->routes = std::move(routes);
  for (size_t i = 0; i < index->routes.size(); ++i) HAWSER_RETURN_IF_ERROR(index->Add(i, listeners));
  return RouteTable(std::move(index));
}

std::optional<size_t> RouteTable::Match(uint32_t listener, const http::RequestHead& head,
                                        bool websocket) const {
  const auto hosts = index_->listeners.find(listener);
  if (hosts == index_->listeners.end() || HasDotSegments(head.path())) return std::nullopt;
  const HostName host(head.authority);
  Search search(index_->routes, head, websocket);
  search.Offer(hosts->second, host.view());
  return search.best() == kNone ? std::nullopt : std::optional(search.best());
}

const RouteTable::Routes& RouteTable::routes() const {
  return index_->routes;
}

}  // namespace hawser::route
