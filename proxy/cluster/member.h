// An endpoint in a cluster, with the weight that it has there. A value.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

struct Member {
  std::shared_ptr<Endpoint> endpoint;  // never null
  uint32_t weight = 1;                 // at least 1
};

using Members = std::span<const Member>;

}  // namespace hawser::cluster
