#include "config/filters.h"

#include "config/checks.h"
#include "config/describe.h"
#include "fmt/format.h"

namespace hawser::config {

void Describe(Description& d, const OriginFilter& origin) {
  d.Field(
      {"allow",
       "Origins whose pages may send requests, as a browser writes them. `*.` stands for every name below "
       "a domain. `same-host`: host and port are those of the request's `Host`; where hawser ends TLS the "
       "origin must be `https`, without TLS `http` and `https` pass. `\"null\"`, in quotes: pages without "
       "an origin, such as files and sandboxed frames; any site can make one.",
       {},
       kRequired},
      origin.allow, {.min_items = 1, .each = {Form::kOrigin}});
  d.Field(
      {"allow_missing",
       "Allows requests without `Origin`: clients that are not browsers send none. `false` also refuses page "
       "loads, for which browsers send no `Origin`: use it on routes that carry only WebSockets."},
      origin.allow_missing);
}

void Describe(Description& d, const FilterConfig& filter) {
  d.Field({"origin",
           "Protects against cross-site WebSocket hijacking: answers 403 to every request, WebSocket "
           "handshake or not, whose `Origin` is not in `allow`."},
          filter.origin);
  d.ExactlyOneOf({"origin"});
}

namespace {

// A page is never loaded by ws:// or wss://.
void CheckOrigins(const OriginFilter& filter, const Checks& checks) {
  for (const std::string& origin : filter.allow) {
    if (!checks.Given(origin) || (!origin.starts_with("ws://") && !origin.starts_with("wss://"))) continue;
    checks.Warn(origin, Quote(origin) + " never matches: an Origin begins with http:// or https://",
                fmt::format("expected http{}", origin.substr(2)));
  }
}

}  // namespace

void CheckFilters(const std::vector<FilterConfig>& filters, const Checks& checks) {
  for (const FilterConfig& filter : filters) {
    if (filter.origin) CheckOrigins(*filter.origin, checks);
  }
}

}  // namespace hawser::config
