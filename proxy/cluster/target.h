// One address of a cluster, as its source gives it: the configuration's list, a DNS answer or a file. A list
// of them becomes a Membership. A value; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/net/address.h"

namespace hawser::cluster {

struct Target {
  net::SocketAddress address;
  std::string host;       // the name that it was resolved from; empty where the source gives the address
  uint32_t weight = 1;    // 0: no new sessions
  uint32_t priority = 0;  // the lowest comes first

  bool operator==(const Target&) const = default;
};

}  // namespace hawser::cluster
