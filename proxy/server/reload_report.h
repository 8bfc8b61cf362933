// What the log says of a reload.
#pragma once

#include <string>

#include "proxy/server/reload_result.h"

namespace hawser::server {

// "reloaded: generation 7: listeners +1 -0 ~1, routes +0 -0 ~2, clusters +0 -1 ~0, certificates +0 -0 ~0".
std::string SummaryOf(const ReloadResult& result);

// That line, each error and warning as `hawser check` prints it, and what waits for a restart.
void LogReload(const ReloadResult& result);

}  // namespace hawser::server
