// What a reload changes, by name, for those who asked for it and for the log. Builder thread.
#pragma once

#include "proxy/server/generation.h"
#include "proxy/server/reload_result.h"

namespace hawser::server {

// Fills in listeners, routes, clusters and certificates.
void NameChanges(const InForce& before, const Generation& after, ReloadResult& result);

}  // namespace hawser::server
