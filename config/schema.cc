#include "config/schema.h"

#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const Config& config) {
  d.Field({"admin", "The admin listener."}, config.admin);
  d.Field({"access_log", "One line for every request and every tunnel."}, config.access_log);
  d.Field({"drain", "What SIGTERM does. A second SIGTERM or SIGINT ends the process at once."}, config.drain);
  d.Field({"limits", "Bounds on what the whole process uses."}, config.limits);
  d.Field(
      {"dns",
       "How host names in `endpoints` and `discovery.srv` are resolved. The last good answer stays in use "
       "when a server fails or answers with nothing."},
      config.dns);
  d.Field({"listeners", "Where clients connect.", {}, kRequired}, config.listeners, {.min_items = 1});
  d.Field({"routes",
           "Which requests go to which cluster. Of all routes that match, the first in the file takes the "
           "request; one that no route takes is answered 404.",
           {},
           kRequired},
          config.routes, {.min_items = 1});
  d.Field({"clusters", "The backends, in groups. The members of a group serve the same requests.", "none"},
          config.clusters);
  d.NeededBy("clusters", "routes", {"cluster", "weighted_clusters"});
  d.FreeKeys("x-");
}

}  // namespace hawser::config
