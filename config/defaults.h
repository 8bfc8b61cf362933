// Defaults that depend on other fields. They are computed once, when a file is loaded, so that /config_dump
// and the runtime use the same value. Defaults that depend on the request or the endpoint are not filled in.
#pragma once

#include "config/schema.h"
#include "config/source_map.h"

namespace hawser::config {

// Before the checks, which compare names: a route is called after its match (route_name.h), an affinity
// cookie "hawser-" and a hash of its cluster's name.
void NameRoutes(Config& config);
void NameCookies(Config& config);

// The rest, of a configuration without errors. `sources` tells which fields the file gives.
void FillDefaults(Config& config, const SourceMap& sources);

}  // namespace hawser::config
