// Finds loops: an endpoint that is a listener of the same file.
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

void CheckLoops(const Config& config, const Checks& checks);

}  // namespace hawser::config
