// Checks of the routes: names that they refer to, weights, and routes that no request can take because an
// earlier one takes it first (of all that match, the first in the file wins).
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

void CheckRoutes(const Config& config, const Checks& checks);

}  // namespace hawser::config
