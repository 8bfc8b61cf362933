// What TCP sockets hold of the kernel's memory, as `ss -tm` prints it (sock_diag(7)).
#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::integration {

// Of the established sockets with this local port and with this remote one; 0: any.
struct SocketMemory {
  size_t sockets = 0;
  size_t bytes = 0;  // received and not read, written and not acknowledged, and allocated ahead
};
SocketMemory SocketMemoryOf(uint16_t local_port, uint16_t remote_port);

// The port of "127.0.0.1:41233".
uint16_t PortOf(const char* address);

}  // namespace hawser::integration
