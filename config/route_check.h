// Checks of the routes: each alone, names that they refer to, and routes that no request can take because an
// earlier one takes it first (of all that match, the first in the file wins).
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

void CheckRoutes(const Config& config, const Checks& checks);

// Warns of clusters whose connections may take longer than a route allows the whole answer. After all other
// checks.
void CheckConnectTimeouts(const Config& config, const Checks& checks);

}  // namespace hawser::config
