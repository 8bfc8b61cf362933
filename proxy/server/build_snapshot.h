// Configuration → runtime: compiles a validated config into the immutable Snapshot that sessions read. Parts
// that are as in the snapshot before are taken from it: a certificate that was not touched keeps its context,
// a route the state of its filters, a cluster its endpoints. Builder thread, or the main thread before there
// is one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "config/load.h"
#include "proxy/base/name.h"
#include "proxy/cluster/endpoint_registry.h"
#include "proxy/cluster/target.h"
#include "proxy/net/address.h"
#include "proxy/session/snapshot.h"

namespace hawser::server {

// What the configuration asks for and the machine refuses (a port in use, a certificate that is no longer
// there), as diagnostics at their place in the file.
using StartErrors = std::vector<config::Diagnostic>;

// What the parts of all configurations of a process are known by.
struct Registries {
  base::NameTable listeners, routes, clusters;
  size_t workers = 1;
  cluster::EndpointRegistry endpoints;
};

using Clusters = session::Parts<const cluster::Membership>;
using Targets = absl::flat_hash_map<std::string, std::vector<cluster::Target>>;  // by cluster

// What there is already.
struct Present {
  const session::Snapshot& snapshot;
  const Clusters& clusters;  // as they are now; discovery may have changed them since the snapshot was made
  const Targets& discovered;
  // Whether a file has other contents than those that `snapshot` was made of.
  absl::FunctionRef<bool(const std::string& path)> changed;
};

// Takes loaded.config, which is not null. `bound`: where its listeners listen, in the order of the file.
// `present`: null at the start. Null, with `errors` filled, when a part cannot be built.
std::shared_ptr<const session::Snapshot> BuildSnapshot(config::Loaded& loaded, Registries& registries,
                                                       std::span<const net::SocketAddress> bound,
                                                       const Present* present, StartErrors& errors);

}  // namespace hawser::server
