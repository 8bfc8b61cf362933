#include "proxy/session/drain_gone.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "proxy/session/tunnel.h"

namespace hawser::session {
namespace {

template <typename Part>
absl::flat_hash_set<uint32_t> LackingIn(const Parts<Part>& now, const Parts<Part>& before) {
  absl::flat_hash_set<uint32_t> ids;
  for (size_t i = 0; i < before.size(); ++i) {
    if (!now.Has(before.name(i).id())) ids.insert(before.name(i).id());
  }
  return ids;
}

}  // namespace

// What a later snapshot takes away has a time of its own.
void DrainGone(Sessions& sessions, const Backends& backends, const Snapshot& before) {
  const Snapshot& now = *backends.snapshot();
  auto listener_has_gone = [&backends, gone = LackingIn(now.listeners, before.listeners)](uint32_t id) {
    return gone.contains(id) && !backends.snapshot()->listeners.Has(id);
  };
  auto route_has_gone = [&backends, gone = LackingIn(now.routes, before.routes)](uint32_t id) {
    return gone.contains(id) && !backends.snapshot()->routes.Has(id);
  };
  const auto lacks_a_part = [&backends](const Tunnel& tunnel) {
    return LacksAPart(*backends.snapshot(), tunnel.record());
  };
  const config::Drain& settings = now.config->drain;
  sessions.LetGo({.listener = std::move(listener_has_gone), .route = std::move(route_has_gone)},
                 settings.deadline, http::Reject::kReload);
  sessions.Drain({.cause = DrainCause::kReload,
                  .window = settings.reload.window,
                  .deadline = settings.reload.window + config::kTimeToClose,
                  .reason = http::Reject::kReload,
                  .code = settings.reload.code.code,
                  .which = lacks_a_part});
}

void EndIfGone(const Sessions& sessions, const Backends& backends, Tunnel& tunnel) {
  const Snapshot& now = *backends.snapshot();
  if (sessions.IsDrained(tunnel) || !LacksAPart(now, tunnel.record())) return;
  tunnel.End(http::Reject::kReload, now.config->drain.reload.code.code);
}

}  // namespace hawser::session
