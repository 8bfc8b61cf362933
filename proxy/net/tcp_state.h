// What the kernel knows of a TCP connection beyond its bytes: whether what was sent has been acknowledged,
// and for how long the peer's host has said nothing. Pure but for the one system call that asks; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "proxy/base/clock.h"

namespace hawser::net {

// From TCP_INFO.
struct TcpState {
  uint32_t unacknowledged = 0;   // segments that were sent and not yet acknowledged
  uint32_t not_sent = 0;         // bytes that wait in the kernel, for a window perhaps
  uint32_t window_probes = 0;    // sent to a closed window since the host last answered anything
  uint64_t acknowledged = 0;     // bytes, in all
  base::Duration since_sent{0};  // since a segment with data was last sent, or sent again
  base::Duration since_acknowledged{0};
  base::Duration since_received{0};            // since data came
  std::chrono::microseconds shortest_trip{0};  // to the host and back
  bool peer_left = false;                      // it has ended its direction, or reset the connection

  bool under_way() const { return unacknowledged > 0 || not_sent > 0; }
};

// None where there is no open TCP connection: a Unix socket, a closed descriptor.
std::optional<TcpState> AskTcp(int fd);

// For how long the peer's host has been silent although it was sent something that it has to answer. 0: it
// has answered what it was sent last. The time since its last answer alone proves nothing: the kernel probes
// a closed window, and sends again, only every two minutes after a while. None: nothing is under way.
std::optional<base::Duration> SilenceOf(const TcpState& state);

}  // namespace hawser::net
