// The endpoints of a cluster in a file of their own (`clusters[].discovery.file`): a YAML or JSON list in
// the form of `endpoints`. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/endpoints.h"

namespace hawser::config {

struct EndpointsFile {
  std::vector<Endpoint> endpoints;  // empty if there is any error, and where the file says []
  std::vector<Diagnostic> errors;   // in the order of the file

  bool ok() const { return errors.empty(); }
};

// Reads the whole file; Unix sockets in it are relative to its own folder. No name is resolved.
EndpointsFile LoadEndpoints(const std::string& path);

// The same for text that was read already; `path` stands in diagnostics.
EndpointsFile ParseEndpoints(std::string_view text, const std::string& path);

}  // namespace hawser::config
