// What a reload does to the sessions whose listener or route it has taken away.
#pragma once

#include "proxy/session/backends.h"
#include "proxy/session/record.h"
#include "proxy/session/sessions.h"
#include "proxy/session/snapshot.h"

namespace hawser::session {

// Its listener or its route is not in `now`.
inline bool LacksAPart(const Snapshot& now, const RequestRecord& record) {
  return !now.listeners.Has(record.listener.id()) || !now.routes.Has(record.route->name.id());
}

// Once `backends` has the snapshot behind `before`: lets go of the connections of listeners that are not in
// it, cuts requests whose listener or route is not once `drain.deadline` has passed, and drains such tunnels
// over `drain.reload.window`. What a later snapshot has again is spared. `backends` must outlive `sessions`'
// drains.
void DrainGone(Sessions& sessions, const Backends& backends, const Snapshot& before);

// `tunnel` has just opened, and its request began under an earlier snapshot: ends it if its listener or its
// route has gone, unless a drain is still there that does so.
void EndIfGone(const Sessions& sessions, const Backends& backends, Tunnel& tunnel);

}  // namespace hawser::session
