#include "proxy/session/drain_gone.h"

#include "proxy/session/tunnel.h"

namespace hawser::session {

void DrainGone(Sessions& sessions, const Backends& backends, const config::Drain& settings) {
  const auto has_gone = [&backends](uint32_t listener) {
    return !backends.snapshot()->listeners.Has(listener);
  };
  const auto lacks_a_part = [&backends](const Tunnel& tunnel) {
    const RequestRecord& record = tunnel.record();
    const Snapshot& now = *backends.snapshot();
    return !now.listeners.Has(record.listener.id()) || !now.routes.Has(record.route->name.id());
  };
  sessions.LetGo(has_gone, settings.deadline, http::Reject::kReload);
  sessions.Drain({.cause = DrainCause::kReload,
                  .window = settings.reload.window,
                  .deadline = settings.reload.window + config::kTimeToClose,
                  .reason = http::Reject::kReload,
                  .code = settings.reload.code.code,
                  .which = lacks_a_part});
}

}  // namespace hawser::session
