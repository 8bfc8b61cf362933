// The part of a configuration's checks that the config layer cannot make: the access log's format, whose fields belong to
// the sessions, and what the machine must give. They run as config::LoadOptions::further, so that their errors come
// together with all others of the file.
#pragma once

#include "config/load.h"

namespace hawser::server {

// Whether every %field% of access_log.format is known.
void CheckLogFormat(const config::Config& config, const config::Checks& checks);

// Whether the addresses to listen on are free and the access log can be opened. For a process that is about to serve: it
// binds each address for a moment, and where a hawser runs already its own addresses are in use.
void CheckMachine(const config::Config& config, const config::Checks& checks);

}  // namespace hawser::server
