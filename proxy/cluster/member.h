// An endpoint in a cluster, with the weight and the priority that it has there. A value.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

struct Member {
  std::shared_ptr<Endpoint> endpoint;  // never null
  uint32_t weight = 1;                 // 0: no new sessions; those that lead there still do
  uint32_t priority = 0;               // the lowest comes first
};

using Members = std::span<const Member>;

}  // namespace hawser::cluster
