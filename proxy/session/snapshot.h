// One generation of the configuration in the form in which sessions read it: immutable parts, each shared
// with the generations before and after in which it is the same. The server builds it. The main thread and
// each worker hold the current one, and ask it anew for every request; a session holds only the parts that it
// uses, so that a worker which takes a new generation frees nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "config/schema.h"
#include "filters/chain.h"
#include "proxy/base/check.h"
#include "proxy/base/name.h"
#include "proxy/cluster/membership.h"
#include "proxy/edge/connection_cap.h"
#include "proxy/edge/ip_table.h"
#include "proxy/http2/settings.h"
#include "proxy/route/route_table.h"
#include "proxy/session/access_log.h"
#include "proxy/stats/group.h"
#include "proxy/tls/context.h"

namespace hawser::session {

// Parts of one kind, in the order of the file, found by the id of their name.
template <typename Part>
class Parts {
 public:
  void Add(const base::Name& name, std::shared_ptr<Part> part) {
    HAWSER_DCHECK(name && part != nullptr);
    const bool added = places_.try_emplace(name.id(), parts_.size()).second;
    HAWSER_DCHECK(added);
    if (!added) return;
    parts_.push_back(std::move(part));
    names_.push_back(name);
  }

  // Null if there is none.
  std::shared_ptr<Part> Find(uint32_t id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? nullptr : parts_[found->second];
  }
  bool Has(uint32_t id) const { return places_.contains(id); }
  std::optional<size_t> PlaceOf(uint32_t id) const {
    const auto found = places_.find(id);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

  // Puts another part under the name that is there. Returns the one before.
  std::shared_ptr<Part> Replace(size_t place, std::shared_ptr<Part> part) {
    return std::exchange(parts_[place], std::move(part));
  }
  const base::Name& name(size_t place) const { return names_[place]; }

  size_t size() const { return parts_.size(); }
  const std::shared_ptr<Part>& operator[](size_t place) const { return parts_[place]; }
  auto begin() const { return parts_.begin(); }
  auto end() const { return parts_.end(); }

 private:
  std::vector<std::shared_ptr<Part>> parts_;
  std::vector<base::Name> names_;                 // so that the ids stay theirs
  absl::flat_hash_map<uint32_t, size_t> places_;  // by the name's id
};

struct ListenerRuntime {
  config::Listener settings;
  base::Name name;
  std::string port;                               // where it listens, decimal; empty: a Unix socket
  std::shared_ptr<const tls::ServerContext> tls;  // null: plain
  std::shared_ptr<edge::ConnectionCap> cap;       // the same for as long as the listener lives
  edge::IpLimits ip_limits;
  http2::Settings http2;
  std::shared_ptr<stats::Group> group = std::make_shared<stats::Group>(1);  // likewise; never null
};

struct RouteRuntime {
  std::shared_ptr<const route::Route> route;
  filters::Chain filters;
};

struct Snapshot {
  uint64_t generation = 1;
  std::unique_ptr<const config::Config> config;
  Parts<const ListenerRuntime> listeners;
  Parts<const RouteRuntime> routes;
  std::unique_ptr<const route::RouteTable> table;  // over `routes`, in their order
  Parts<const cluster::Membership> clusters;       // as they were when it was built
  std::shared_ptr<AccessLog> access_log;           // null: none

  // Who takes a request, as RouteTable::Match; null: nobody.
  std::shared_ptr<const RouteRuntime> Match(uint32_t listener, const http::RequestHead& head,
                                            bool websocket) const {
    const auto place = table->Match(listener, head, websocket);
    return place ? routes[*place] : nullptr;
  }
};

}  // namespace hawser::session
