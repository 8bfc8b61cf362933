// Warnings of settings that are right by themselves and cannot work as they are meant: a time-out that another one makes
// useless, a switch without effect, a limit that refuses what it is to allow.
#pragma once

#include "config/schema.h"
#include "config/validate.h"

namespace hawser::config {

void CheckIntent(const Config& config, const Checks& checks);

}  // namespace hawser::config
