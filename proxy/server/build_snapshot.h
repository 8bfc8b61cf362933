// Configuration → runtime: compiles a validated config into the immutable Snapshot that sessions read.
#pragma once

#include <memory>
#include <vector>

#include "config/load.h"
#include "proxy/session/snapshot.h"

namespace hawser::server {

// What the configuration asks for and the machine refuses (a port in use, a certificate that is no longer
// there), as diagnostics at their place in the file.
using StartErrors = std::vector<config::Diagnostic>;

// Takes loaded.config, which is not null. Null, with `errors` filled, when a part cannot be built.
std::shared_ptr<const session::Snapshot> BuildSnapshot(config::Loaded& loaded, StartErrors& errors);

}  // namespace hawser::server
