// How much of the kernel's memory a connection may take: what waits to be sent on it, and what waits to be
// read from it. Left alone, the kernel grows both to megabytes, as long as somebody reads fast, and then
// keeps them full for a peer that has stopped. Only tuning: where an option is missing, the kernel's own way
// stays. Any thread.
#pragma once

#include <chrono>
#include <cstddef>

namespace hawser::net {

// Holds the bytes that wait to be sent on a TCP connection to about `bytes`, which is not 0: a write takes no
// more while so many wait. Bytes on their way to the peer, which the network's speed and length ask for, do
// not count. A Unix socket has a bound of its own (net.core.wmem_default).
void LimitUnsent(int fd, size_t bytes);

// Holds the memory of bytes that wait to be read from a TCP connection, the kernel's own overhead included,
// to `bytes`, which is not 0, if the peer is near (IsNear). Its window no longer grows then, and nothing that
// it was promised is dropped. To be called when some bytes have come: then the distance is known.
void LimitUnread(int fd, size_t bytes);

// Gives that bound up: the kernel's own way again.
void FreeUnread(int fd);

// Whether a window of half of `bytes` lets a peer at this distance send 1 Gbit/s.
bool IsNear(std::chrono::microseconds round_trip, size_t bytes);

}  // namespace hawser::net
