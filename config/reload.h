// What a reload asks of two configurations and of their files.
#pragma once

#include <string>
#include <vector>

#include "config/schema.h"

namespace hawser::config {

// Every file that the configuration names and that is read with it: certificates, keys, authorities, and
// lists of endpoints. Sorted, each once. Not the configuration file itself.
std::vector<std::string> FilesOf(const Config& config);

// Paths of the fields that differ and that only a new process can change: "limits.per_ip_entries".
std::vector<std::string> WaitsForRestart(const Config& old, const Config& fresh);

}  // namespace hawser::config
