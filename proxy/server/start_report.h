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

// Raises the limit of open files; ahead of every socket. Some of them are for the admin listener, if there is
// one.
OpenFiles PrepareOpenFiles(const config::Config& config, int workers);

// Keeps those from clients and backends. When the listeners are bound, before the workers start.
void KeepOpenFiles(const OpenFiles& files);

void AnnounceListener(const session::ListenerRuntime& listener, const net::SocketAddress& bound);
// A line for each listener, and one for the process.
void AnnounceListeners(const Server& server);
void AnnounceLimits(const Server& server, const OpenFiles& files);

}  // namespace hawser::server
