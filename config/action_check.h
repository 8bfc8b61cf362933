// The checks of a route's rewrites, redirects, direct responses and header rules.
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

void CheckAction(const Route& route, const Checks& checks);

}  // namespace hawser::config
