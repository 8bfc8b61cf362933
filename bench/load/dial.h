// A client's socket: non-blocking, without Nagle's delay, and from an address of the caller's choice.
#pragma once

#include "proxy/net/address.h"
#include "proxy/net/socket.h"

namespace hawser::bench {

// A connection under way to `to`; `from` null leaves the local address to the kernel, which chooses the port
// in any case. Not open, with errno set, when it failed at once.
net::Socket Dial(const net::SocketAddress& to, const net::SocketAddress* from);

}  // namespace hawser::bench
