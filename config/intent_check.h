// Warnings of settings that are valid but cannot work as intended: a time-out that another one makes useless,
// a switch without effect, a limit that refuses what it should allow.
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

void CheckIntent(const Config& config, const Checks& checks);

}  // namespace hawser::config
