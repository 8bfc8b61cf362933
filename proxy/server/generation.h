// One configuration with all that was made of it: the snapshot that sessions read, and what only the server
// needs. A new one is built beside the one in force, and either takes over as a whole or leaves no trace.
// Builder thread, or the main thread before there is one; immutable then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "proxy/base/hash.h"
#include "proxy/resolve/setup.h"
#include "proxy/server/bindings.h"
#include "proxy/server/build_snapshot.h"
#include "proxy/server/change.h"

namespace hawser::server {

// Files that a configuration names and that are part of it, and a hash of what stands in each; 0: it cannot
// be read. Lists of endpoints are not part of it: discovery follows them.
using FileHashes = absl::flat_hash_map<std::string, uint64_t>;

struct Generation {
  std::shared_ptr<const session::Snapshot> snapshot;
  // Of the listeners, in the order of the file; behind them the admin listener's, if there is one. Without
  // sockets.
  std::vector<Binding> bindings;
  FileHashes files;
};

// What generations are built with. One a process.
struct Workshop {
  Registries registries;
  const base::SipKey hash_key = base::SipKey::Random();
};

// The generation in force, as far as the next one is built from it.
struct InForce {
  std::shared_ptr<const Generation> generation;
  Clusters clusters;
  Targets discovered;
};

struct Built {
  std::shared_ptr<const Generation> generation;  // null: there are errors
  // For the workers; from the generation before. The main thread adds who leaves, then nobody changes it.
  std::shared_ptr<Change> change;
  // By listener, then by worker; none where it was bound before.
  std::vector<std::vector<net::Socket>> sockets;
  net::Socket admin;                    // not open: it is where it was, or nowhere
  std::optional<resolve::Setup> setup;  // if one of its clusters has to be resolved
};

// Takes loaded.config, which is not null. `files`: of that config. `before`: null at the start.
Built BuildGeneration(config::Loaded& loaded, FileHashes files, Workshop& workshop, const InForce* before,
                      StartErrors& errors);
// Closes its sockets and removes their files: it does not come into force.
void GiveUp(Built built);

// What names are resolved with now; nothing, where no cluster needs that.
absl::StatusOr<std::optional<resolve::Setup>> SetupFor(const config::Config& config);

// Whether the configuration and the files that it names are as they are in force.
bool IsInForce(const config::Config& config, const FileHashes& files, const Generation& generation);

// The files that are part of a configuration, of which anything may be wrong or missing.
std::vector<std::string> PartsOf(const config::Config& config);
FileHashes HashFiles(const config::Config& config, const base::SipKey& key);

}  // namespace hawser::server
