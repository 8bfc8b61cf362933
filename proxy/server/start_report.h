// What a start takes of the machine and says of itself in the log: every bound that is in force, so that
// nobody has to guess which one was hit.
#pragma once

#include <cstdint>

#include "config/schema.h"
#include "proxy/server/server.h"

namespace hawser::server {

struct OpenFiles {
  uint64_t all;
  uint64_t kept;  // for the admin listener
};

// Raises the limit of open files and keeps some of them for the admin listener, if there is one. Ahead of
// every socket.
OpenFiles PrepareOpenFiles(const config::Config& config, int workers);

// A line for each listener, and one for the process.
void AnnounceListeners(const Server& server);
void AnnounceLimits(const Server& server, const OpenFiles& files);

}  // namespace hawser::server
