// The configuration as plain structs, read from YAML; the runtime is built from them. Each section has a
// header of its own, with the defaults; names, bounds and help stand in its source file. Field names are the
// YAML keys.
#pragma once

#include <vector>

#include "config/access_log.h"
#include "config/admin.h"
#include "config/cluster.h"
#include "config/dns.h"
#include "config/drain.h"
#include "config/limits.h"
#include "config/listener.h"
#include "config/route.h"
#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct Config {
  Admin admin;
  AccessLog access_log;
  Drain drain;
  ProcessLimits limits;
  Dns dns;
  std::vector<Listener> listeners;
  std::vector<Route> routes;
  std::vector<Cluster> clusters;
  bool operator==(const Config&) const = default;
};

void Describe(Description& d, const Config& config);

}  // namespace hawser::config
