// Whether the addresses that hawser listens on can be bound side by side: those of the listeners and of the
// admin pages.
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

// Whether the second cannot be bound because of the first: the same port of the same address, or of a
// wildcard and an address that it covers. [::] stands for IPv4 too (net::Listen). Port 0 overlaps nothing:
// the kernel chooses a free one. Neither may be a Unix socket.
bool Overlap(const net::SocketAddress& a, const net::SocketAddress& b);

// Reports every address that overlaps one before it, with the lines of both.
void CheckAddresses(const Config& config, const Checks& checks);

// Warns of permissions for a socket that has no file.
void CheckSocketMode(const std::string& mode, const net::SocketAddress& address, const Checks& checks);

}  // namespace hawser::config
