// Fills a struct from a YAML map, by its specification: finds each field among the map's keys, reads it by
// its type, and reports everything that does not fit. Never stops at the first error.
#pragma once

#include <filesystem>

#include "config/diagnostic.h"
#include "config/node.h"
#include "config/source_map.h"
#include "config/spec.h"

namespace hawser::config {

// The state of one load.
struct LoadState {
  Diagnostics& errors;
  SourceMap& sources;
  std::filesystem::path folder;  // of the file; relative files are seen from here
};

// `value` is one of those that `spec` describes. Where there is an error, it keeps what it had.
void ReadValue(LoadState& state, const Cursor& cursor, const ValueSpec& spec, void* value);

}  // namespace hawser::config
