// The checks that need more than one field, or a look outside the file: those of each section, and those
// between sections (names that refer to each other, duplicates, addresses, loops). Every error is reported
// at its place; suspicious settings are warnings.
#pragma once

#include "config/checks.h"
#include "config/schema.h"

namespace hawser::config {

// Also reads the keys of each keys_file into its `keys`.
void Validate(Config& config, const Checks& checks);

}  // namespace hawser::config
