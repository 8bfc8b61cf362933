// The JSON Schema (draft 2020-12) of the configuration file, for editors. It accepts every file that loads;
// what needs more than one field (names that refer to each other, files) only the loader checks.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace hawser::config {

nlohmann::ordered_json JsonSchema();

}  // namespace hawser::config
