// Configuration → runtime: compiles a validated config into the immutable Snapshot that sessions read.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "config/load.h"
#include "proxy/base/name.h"
#include "proxy/net/address.h"
#include "proxy/session/snapshot.h"

namespace hawser::server {

// What the configuration asks for and the machine refuses (a port in use, a certificate that is no longer
// there), as diagnostics at their place in the file.
using StartErrors = std::vector<config::Diagnostic>;

// The names of the parts of all configurations of a process.
struct Names {
  base::NameTable listeners, routes, clusters;
};

// Takes loaded.config, which is not null. `bound`: where its listeners listen, in the order of the file.
// Null, with `errors` filled, when a part cannot be built.
std::shared_ptr<const session::Snapshot> BuildSnapshot(config::Loaded& loaded, Names& names,
                                                       std::span<const net::SocketAddress> bound,
                                                       StartErrors& errors);

}  // namespace hawser::server
