#include "config/drain.h"

#include "config/checks.h"
#include "config/describe.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

void Describe(Description& d, const ReloadDrain& reload) {
  d.Field({"window",
           "The closes are spread evenly over this time. Tunnels that do not finish their close are cut 30s "
           "later. `0` closes all of them at once."},
          reload.window, {0s, 24h});
  d.Field({"code", "Close code for their clients: 1012 says that the service restarts. Backends get 1001."},
          reload.code);
}

void Describe(Description& d, const Drain& drain) {
  d.Field({"window",
           "On SIGTERM, SIGINT or SIGQUIT every tunnel is closed with `code`. The closes are "
           "spread evenly over this time, so that clients do not all reconnect at once. `0` closes all "
           "tunnels at once."},
          drain.window, {0s, 24h});
  d.Field({"deadline",
           "Time from the signal to the end of the process, for tunnels that do not finish their close. Not "
           "below `window`. `0`, with a `window` of `0`, ends without waiting.",
           "`window` + 30s"},
          drain.deadline, {0s, 48h});
  d.Field({"code", "Close code for clients: 1001 says that the server goes away. Backends get 1001."},
          drain.code);
  d.Field({"reload", "How tunnels are closed whose listener or route a reload removes."}, drain.reload);
}

void CheckDrain(const Drain& drain, const Checks& checks) {
  if (!checks.Sound(drain) || !checks.Given(drain.deadline) || drain.deadline >= drain.window) return;
  checks.Error(drain.deadline,
               fmt::format("{} is below the window of {}", FormatDuration(drain.deadline),
                           FormatDuration(drain.window)),
               "expected at least the window");
}

}  // namespace hawser::config
