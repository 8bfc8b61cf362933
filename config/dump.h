// The configuration in force as JSON: every value, defaults included. Fields that are off, and fields that
// each request or endpoint decides, are omitted. Secrets are redacted; private keys appear as the names of
// their files.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/schema.h"

namespace hawser::config {

nlohmann::ordered_json Dump(const Config& config);

}  // namespace hawser::config
