// How much is left of something that connections use up: the descriptors of the process, or the connections
// of a listener. Below the reserve, connections that ask for nothing are closed to make room for new ones
// (session/evictions.h), and long before that they get less time to ask.
#pragma once

#include <cstdint>

#include "proxy/base/clock.h"
#include "proxy/edge/connection_cap.h"

namespace hawser::edge {

struct Room {
  uint64_t all = 0;
  uint64_t left = 0;     // never above `all`
  uint64_t reserve = 0;  // never above half of `all`

  bool scarce() const { return left <= reserve; }
};

// `reserve`: the part of all that is kept free, 0 to 0.5.
Room RoomOf(const ConnectionCap& cap, double reserve);
Room DescriptorRoom(double reserve);

// A deadline for a client that has asked for nothing yet, or that is idle: `full` while half of the room is
// left, then less in proportion, down to a tenth, but not below a second, where the reserve begins.
base::Duration Shrunk(base::Duration full, const Room& room);

}  // namespace hawser::edge
