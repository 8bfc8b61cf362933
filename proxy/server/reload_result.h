// What a reload of the configuration came to, for whoever asked for it and for the log. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/diagnostic.h"

namespace hawser::server {

struct ReloadResult {
  enum class Kind : uint8_t {
    kApplied,    // the new configuration is in force
    kUnchanged,  // the file and all that it names are as they were: nothing was touched
    kFailed,     // there are errors, and the old configuration goes on serving
    kDraining,   // the process ends: nothing was read
  };
  // Names in the order of the file. Certificates are named "listener/serial", the serial number in hex.
  struct Names {
    std::vector<std::string> added, removed, changed;
  };

  Kind kind = Kind::kFailed;
  uint64_t generation = 0;  // of the configuration that is in force now
  Names listeners, routes, clusters, certificates;
  std::vector<std::string> waits_for_restart;  // paths of fields that only a new process takes
  std::vector<config::Diagnostic> warnings, errors;
};

}  // namespace hawser::server
