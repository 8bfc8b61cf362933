// Counts the segments of a TCP socket.
#pragma once

#include <cstdint>

namespace hawser::fakes {

// Segments that the socket `fd` has sent, empty ones included.
uint32_t SegmentsSent(int fd);

}  // namespace hawser::fakes
