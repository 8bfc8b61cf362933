// What a reload does to the sessions whose listener or route it has taken away.
#pragma once

#include "config/drain.h"
#include "proxy/session/backends.h"
#include "proxy/session/sessions.h"

namespace hawser::session {

// Once `backends` has the new snapshot: lets go of the connections of listeners that are not in it, and
// drains tunnels whose listener or route is not, over `settings.reload.window`. What a later snapshot has
// again is spared. `backends` must outlive `sessions`' drains.
void DrainGone(Sessions& sessions, const Backends& backends, const config::Drain& settings);

}  // namespace hawser::session
