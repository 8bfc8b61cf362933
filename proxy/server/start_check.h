// The checks of a configuration that the config layer cannot make: the access log's format, whose fields
// belong to the sessions, and what the machine must provide. They run as config::LoadOptions::further, so
// that their errors are listed with all others of the file.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "config/load.h"

namespace hawser::server {

// What to do about an address that cannot be listened on: "expected ...".
std::string AdviceForAddress(const absl::Status& status);

// Whether every %field% of access_log.format is known.
void CheckLogFormat(const config::Config& config, const config::Checks& checks);

// Whether the addresses to listen on are free and the access log can be opened. Only for a process that is
// about to serve: it binds each address for a moment, and fails where another hawser already serves them.
void CheckMachine(const config::Config& config, const config::Checks& checks);

}  // namespace hawser::server
