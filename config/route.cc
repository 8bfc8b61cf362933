#include "config/route.h"

#include <algorithm>

#include "config/checks.h"
#include "config/describe.h"

namespace hawser::config {

template <>
struct Names<RouteAffinity> {
  static constexpr Name<RouteAffinity> kTable[] = {{"socket.io", RouteAffinity::kSocketIo}};
};

void Describe(Description& d, const WeightedCluster& cluster) {
  d.Field({"name", "Name of the cluster.", {}, kRequired}, cluster.name, {Form::kName});
  d.Field({"weight",
           "The cluster's share of the route's requests and handshakes: its weight divided by the sum of "
           "all. `0`: none."},
          cluster.weight, {0, 1'000'000});
}

void Describe(Description& d, const Route& route) {
  d.Field(
      {"name",
       "Name of the route, for logs and metrics. No two routes share one. A route without a name is called "
       "after the host and the path that it matches. If its match has further conditions, or if it names "
       "`listeners`, a hash of all of this stands behind them.",
       "`chat.example.com/chat*`, after its match"},
      route.name, {Form::kName});
  d.Field(
      {"match",
       "Which requests take this route. All conditions must hold; if there are none, every request matches.",
       {},
       kRequired},
      route.match);
  d.Field({"listeners", "Names of the listeners that have this route.", "all listeners"}, route.listeners,
          {.min_items = 1, .each = {Form::kName}});
  d.Field({"cluster", "Name of the cluster that requests go to."}, route.cluster, {{Form::kName}});
  d.Field({"weighted_clusters", "Several clusters, each with its share of the requests and handshakes."},
          route.weighted_clusters, {.min_items = 1});
  d.Field({"redirect", "Answers with a redirect, without a backend."}, route.redirect);
  d.Field({"direct_response", "Answers with a fixed response, without a backend."}, route.direct_response);
  d.Field({"prefix_rewrite",
           "Replaces the matched `path_prefix` (or the whole `path`) in what the backend sees, by whole "
           "segments: with `path_prefix: /chat`, `/` makes `/1` of `/chat/1` and `/v2` makes `/v2/1`. The "
           "query stays.",
           "the path stays"},
          route.prefix_rewrite, {{Form::kUrlPath}});
  d.Field({"regex_rewrite", "Rewrites what matches in the path before a backend sees it. The query stays."},
          route.regex_rewrite);
  d.Field({"host_rewrite", "Host that the backend sees. `X-Forwarded-Host` holds what the client asked for.",
           "the host stays"},
          route.host_rewrite, {{Form::kAuthority}});
  d.Field({"request_headers",
           "Changes the request's header fields, after the filters and before a backend is picked."},
          route.request_headers);
  d.Field({"response_headers",
           "Changes the header fields of this route's responses: those of backends, the 101 of a WebSocket "
           "included, redirects and direct responses. Responses by which hawser refuses a request are not "
           "changed."},
          route.response_headers);
  d.Field({"affinity",
           "`socket.io`: every request of a Socket.IO session goes to the endpoint where the session began, "
           "with or without cookies. hawser reads the session's id from the answer to its first poll and "
           "finds it again in the query parameter `sid`. Only this process knows it; several hawsers side by "
           "side need the cluster's cookie. For a session that is unknown, or whose endpoint is gone, the "
           "cluster's affinity and `lb_policy` decide.",
           "the cluster's alone"},
          route.affinity);
  d.Field({"handshake_timeout",
           "Time for the backend to answer a WebSocket handshake and for the client to take the answer. Then "
           "504. Connecting has `connect_timeout`."},
          route.handshake_timeout, {10ms, kLongestWait});
  d.Field({"response_timeout",
           "Time for the backend to begin its answer to any other request, from the last byte of the "
           "request. Each interim (1xx) response starts it again. Then 504. `0`: no limit."},
          route.response_timeout, {0s, kLongestLife});
  d.Field({"stream_idle_timeout",
           "How long both bodies of a relayed request and its response (not of a WebSocket) may stand still. "
           "Then a response is cut; a client whose request body stands still gets 408, one whose backend "
           "does not take it 504. `0`: no limit."},
          route.stream_idle_timeout, {0s, kLongestLife});
  d.Field({"websocket", "How this route treats tunnels."}, route.websocket);
  d.Field({"filters",
           "Filters that run on every request of this route, in this order, before a backend is picked."},
          route.filters);
  d.ExactlyOneOf({"cluster", "weighted_clusters", "redirect", "direct_response"});
  d.AtMostOneOf({"prefix_rewrite", "regex_rewrite"});
}

namespace {

void CheckWeights(const Route& route, const Checks& checks) {
  const auto& clusters = route.weighted_clusters;
  if (clusters.empty()) return;
  if (std::any_of(clusters.begin(), clusters.end(),
                  [](const WeightedCluster& one) { return one.weight > 0; }))
    return;
  checks.Error(clusters, "every weight is 0", "expected one above 0");
}

// Warns of rewrites on a route whose requests reach no backend.
void CheckUnusedRewrites(const Route& route, const Checks& checks) {
  const auto warn = [&checks](const auto& field) {
    if (checks.Given(field)) checks.Warn(field, "has no effect: no backend sees the request");
  };
  if (route.prefix_rewrite) warn(*route.prefix_rewrite);
  if (route.regex_rewrite) warn(*route.regex_rewrite);
  if (route.host_rewrite) warn(*route.host_rewrite);
  warn(route.request_headers);
}

}  // namespace

void CheckRoute(const Route& route, const Checks& checks) {
  CheckMatch(route.match, checks);
  CheckWeights(route, checks);
  CheckWebSocket(route.websocket, checks);
  CheckHeaderRules(route.request_headers, checks);
  CheckHeaderRules(route.response_headers, checks);
  CheckAuthority(route.host_rewrite, checks);
  CheckPrefixRewrite(route.prefix_rewrite, route.match, checks);
  if (route.regex_rewrite) CheckRegexRewrite(*route.regex_rewrite, checks);
  if (route.redirect) CheckRedirect(*route.redirect, route.match, checks);
  if (route.direct_response) CheckDirectResponse(*route.direct_response, checks);
  if (route.redirect || route.direct_response) CheckUnusedRewrites(route, checks);
  CheckFilters(route.filters, checks);
}

}  // namespace hawser::config
