// What a new generation brings a worker. Immutable once it is sent; shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/session/snapshot.h"

namespace hawser::server {

struct Change {
  std::shared_ptr<const session::Snapshot> snapshot;
  std::vector<std::string> addresses;  // where its listeners are bound, in their order
  std::vector<std::shared_ptr<const cluster::Membership>> clusters;  // those that are new or have changed
  std::vector<uint32_t> gone_clusters;                               // ids
  bool takes_away = false;  // a listener or a route, which sessions may use
};

// What a worker does not need any more, for somebody else to destroy.
struct Replaced {
  std::shared_ptr<const session::Snapshot> snapshot;
  std::vector<std::shared_ptr<const cluster::Membership>> clusters;
};

}  // namespace hawser::server
