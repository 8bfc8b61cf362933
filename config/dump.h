// The effective configuration as JSON: defaults filled in, fields that are off left out, secrets redacted, private keys
// only as the names of their files.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/schema.h"

namespace hawser::config {

nlohmann::ordered_json Dump(const Config& config);

}  // namespace hawser::config
