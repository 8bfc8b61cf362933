// The description of `routes`: match, clusters, the life of a tunnel, filters. See describe.h.
#pragma once

#include "config/field.h"
#include "config/schema.h"

namespace hawser::config {

template <>
struct Names<KeepaliveTo> {
  static constexpr Name<KeepaliveTo> kTable[] = {{"both", KeepaliveTo::kBoth},
                                                 {"client", KeepaliveTo::kClient},
                                                 {"backend", KeepaliveTo::kBackend},
                                                 {"none", KeepaliveTo::kNone}};
};

template <>
struct Names<Compression> {
  static constexpr Name<Compression> kTable[] = {
      {"pass", Compression::kPass}, {"strip", Compression::kStrip}, {"offload", Compression::kOffload}};
};
template <>
struct Names<RouteAffinity> {
  static constexpr Name<RouteAffinity> kTable[] = {{"socket.io", RouteAffinity::kSocketIo}};
};

template <class V>
void Describe(V& v, Is<ValueMatch> auto& match) {
  v.Field({"name",
           "Name of the header or of the query parameter. A header's case does not matter.",
           {},
           kRequired},
          match.name);
  v.Field({"exact", "The value is exactly this text."}, match.exact, {{Form::kAny}});
  v.Field({"prefix", "The value begins with this text."}, match.prefix);
  v.Field({"regex", "The whole value matches this expression."}, match.regex, {{Form::kRegex}});
  v.Field({"present", "`true`: it is present, with any value. `false`: it is absent."}, match.present);
  v.ExactlyOneOf({"exact", "prefix", "regex", "present"});
}

template <class V>
void Describe(V& v, Is<RouteMatch> auto& match) {
  v.Field(
      {"host",
       "The request's host without its port: one name, or `*.example.com` for every name below that domain "
       "(not the domain itself). Several hosts need one route for each.",
       "any host"},
      match.host, {{Form::kHost}});
  v.Field({"path", "The path is exactly this one.", "any path"}, match.path, {{Form::kUrlPath}});
  v.Field({"path_prefix",
           "The path begins with this one, by whole segments: `/chat` takes `/chat` and `/chat/1`, not "
           "`/chatter`. `/` takes every path, and `OPTIONS *`.",
           "any path"},
          match.path_prefix, {{Form::kUrlPath}});
  v.Field({"path_regex", "The whole path matches this expression.", "any path"}, match.path_regex,
          {{Form::kRegex}});
  v.Field({"headers", "Conditions on request headers. All must hold."}, match.headers);
  v.Field({"query", "Conditions on query parameters. All must hold."}, match.query);
  v.Field({"subprotocol", "A subprotocol that the client offers in `Sec-WebSocket-Protocol`.", "any or none"},
          match.subprotocol, {{Form::kToken}});
  v.AtMostOneOf({"path", "path_prefix", "path_regex"});
}

template <class V>
void Describe(V& v, Is<Keepalive> auto& keepalive) {
  v.Field(
      {"interval",
       "A side that has been silent for this long is sent a ping (RFC 6455 §5.5.2). Each wait is shorter by "
       "a random part of up to an eighth, so that pings do not all come at once. `0` turns pings off."},
      keepalive.interval, {0s, 24h});
  v.Field({"timeout",
           "Time for the pong. A side that sends nothing in this time is dead: the tunnel ends, and the "
           "other side gets a close frame."},
          keepalive.timeout, {10ms, kLongestWait});
  v.Field(
      {"to",
       "Which sides hawser pings. `client` is right for almost everybody: `clusters[].tcp_keepalive` "
       "finds dead backends. With `backend` or `both`, a backend may count hawser's pings as activity of its "
       "client: RabbitMQ then stops its heartbeats and its clients leave. Some backends pass pings on to "
       "their clients as errors."},
      keepalive.to);
}

template <class V>
void Describe(V& v, Is<MaxDuration> auto& max) {
  v.Field({"duration", "A tunnel that has lived for this long is closed with 1001. `0`: no limit."},
          max.duration, {0s, kLongestLife});
  v.Field({"jitter",
           "The largest part of `duration` by which a tunnel's own limit is shortened at random, so that "
           "tunnels opened together do not end together. `0`: all have the same limit."},
          max.jitter, {0.0, 1.0});
}

template <>
struct Names<Inspection> {
  static constexpr Name<Inspection> kTable[] = {
      {"strict", Inspection::kStrict}, {"lenient", Inspection::kLenient}, {"off", Inspection::kOff}};
};

template <>
struct Names<OverRate> {
  static constexpr Name<OverRate> kTable[] = {{"slow_down", OverRate::kSlowDown},
                                              {"close", OverRate::kClose}};
};

inline constexpr std::string_view kOverRateHelp =
    "What happens to a side that is over the limit. `slow_down`: hawser stops reading from it until the "
    "bucket has refilled, so that its own network makes it wait. `close`: the tunnel is closed with 1008.";

template <class V>
void Describe(V& v, Is<MessageRateLimit> auto& limit) {
  v.Field({"rate", "Messages in the long run. `0` turns the limit off.", {}, kRequired}, limit.rate);
  v.Field({"burst",
           "How many messages a side may send at once after a pause. Set it to one second's worth of `rate` "
           "or more.",
           "one second's worth, at least 1"},
          limit.burst, {1, 1'000'000});
  v.Field({"over_limit", kOverRateHelp}, limit.over_limit);
}

template <class V>
void Describe(V& v, Is<ByteRateLimit> auto& limit) {
  v.Field({"rate", "Bytes in the long run, frame headers included. `0` turns the limit off.", {}, kRequired},
          limit.rate);
  v.Field({"burst",
           "How many bytes a side may send at once after a pause. Set it to one second's worth of `rate` or "
           "more.",
           "one second's worth, at least 1"},
          limit.burst, {1, 1024 * kMiB});
  v.Field({"over_limit", kOverRateHelp}, limit.over_limit);
}

template <class T>
concept BothDirections = Is<T, PerDirection<MessageRateLimit>> || Is<T, PerDirection<ByteRateLimit>>;

template <class V>
void Describe(V& v, BothDirections auto& limits) {
  v.Field({"from_client", "Limit on what the client of each tunnel sends (a token bucket).", "no limit"},
          limits.from_client);
  v.Field({"from_backend", "Limit on what the backend sends into each tunnel (a token bucket).", "no limit"},
          limits.from_backend);
}

template <class V>
void Describe(V& v, Is<WebSocket> auto& websocket) {
  v.Field({"inspection",
           "How strictly frames are checked. `strict`: both sides must follow every MUST of RFC 6455 §5; a "
           "side that does not is closed with 1002 or 1007. `lenient`: errors that leave no doubt about "
           "where frames begin and end are let pass: masks, reserved bits, unknown opcodes, lengths that are "
           "not the shortest, close codes and reasons. `off`: for protocols that use the Upgrade handshake "
           "but not WebSocket frames: bytes are counted, but there are no pings, no close frames and no "
           "limits that need frames."},
          websocket.inspection);
  v.Field({"validate_utf8",
           "Text messages that are not compressed must be UTF-8, across fragments too. The first wrong byte "
           "ends the tunnel with 1007. Binary messages are not checked.",
           "`true` with `inspection: strict`, else `false`"},
          websocket.validate_utf8);
  v.Field({"max_frame_bytes",
           "The largest payload of one frame, as it is sent: compressed, if it is compressed. A larger frame "
           "ends the tunnel with 1009 before any of it is forwarded. `0`: no limit."},
          websocket.max_frame_bytes, {0, kLargestPayload});
  v.Field({"max_message_bytes",
           "The largest payload of all frames of one message together, as they are sent. A larger message "
           "ends the tunnel with 1009. `0`: no limit."},
          websocket.max_message_bytes, {0, kLargestPayload});
  v.Field({"message_rate", "How many messages each side may send, pings included."}, websocket.message_rate);
  v.Field({"byte_rate", "How many bytes each side may send."}, websocket.byte_rate);
  v.Field({"keepalive",
           "Pings that hawser itself sends, so that middleboxes do not forget a quiet connection and dead "
           "peers are found. hawser keeps their pongs; pings of the two ends pass through."},
          websocket.keepalive);
  v.Field(
      {"backend_lost_code",
       "Close code for a client whose backend is lost: it crashed, was restarted, or does not answer pings. "
       "Clients take 1001 as permission to connect again. Some (graphql-ws) take 1011 as an error that would "
       "come again, and give up. `0` sends no close frame: the client sees its connection end (1006)."},
      websocket.backend_lost_code);
  v.Field({"compression",
           "What happens to permessage-deflate (RFC 7692). `pass`: the two ends agree on it, and compressed "
           "messages pass unchanged. `strip`: hawser removes the offer, so nothing is compressed. `offload`: "
           "hawser compresses and decompresses for clients that offer it; the backend sees plain messages, "
           "and limits apply to those. Other extensions pass in all three."},
          websocket.compression);
  v.Field({"close_timeout", "Time from the first close frame to the end of both connections."},
          websocket.close_timeout, {10ms, kLongestWait});
  v.Field({"backend_fin_timeout",
           "After the close frames, time for the backend to end its TCP connection first (RFC 6455 §7.1.1), "
           "so that the port in TIME_WAIT is the backend's. Then hawser ends it. At most `close_timeout`. "
           "`0`: hawser ends it at once."},
          websocket.backend_fin_timeout, {0s, kLongestWait});
  v.Field({"idle_timeout",
           "A tunnel without a message in either direction for this long is closed with 1001. Pings do not "
           "count. `0`: no limit."},
          websocket.idle_timeout, {0s, kLongestLife});
  v.Field({"max_connection_duration", "How long a tunnel may live."}, websocket.max_connection_duration);
  v.Field({"buffer",
           "How many bytes are read at once in each direction, and at most held while the other side is "
           "slow. Idle tunnels hold nothing."},
          websocket.buffer, {4 * kKiB, 16 * kMiB});
  v.Field(
      {"socket_buffer",
       "How many bytes wait in the kernel at most, in each direction, for a side that does not read: "
       "about this many that were not sent to it yet, and as many that the other side has sent meanwhile. "
       "Bytes on their way are not counted, and a side so far away that this bound would slow it below "
       "1 Gbit/s may send as much as the kernel allows (`net.ipv4.tcp_rmem`). `0`: the kernel alone "
       "decides, which can be several megabytes for each connection."},
      websocket.socket_buffer, {0, 1024 * kMiB});
  v.Field({"send_timeout",
           "A side that takes nothing of the bytes that wait for it for this long ends the tunnel "
           "(`slow_consumer`). A side that reads slowly takes some. Where the bytes end between two frames, "
           "it is sent 1013 behind them. `0`: no limit."},
          websocket.send_timeout, {0s, 24h});
}

template <class V>
void Describe(V& v, Is<WeightedCluster> auto& cluster) {
  v.Field({"name", "Name of the cluster.", {}, kRequired}, cluster.name, {Form::kName});
  v.Field({"weight",
           "The cluster's share of the route's requests and handshakes: its weight divided by the sum of "
           "all. `0`: none."},
          cluster.weight, {0, 1'000'000});
}

template <>
struct Names<UrlScheme> {
  static constexpr Name<UrlScheme> kTable[] = {{"http", UrlScheme::kHttp}, {"https", UrlScheme::kHttps}};
};

template <class V>
void Describe(V& v, Is<HeaderField> auto& field) {
  v.Field({"name",
           "Name of the field. Fields that hawser writes itself are refused: hop-by-hop and framing fields, "
           "`Host`, `Expect`, `Sec-WebSocket-*`.",
           {},
           kRequired},
          field.name, {Form::kToken});
  v.Field({"value",
           "Value of the field, sent unchanged. `/config_dump` hides it where the name is that of a "
           "credential: `Authorization`, `Cookie`, `*-Key`, `*-Token`, `*-Secret`.",
           {},
           kRequired},
          field.value, {Form::kFieldValue});
}

template <class V>
void Describe(V& v, Is<HeaderRules> auto& rules) {
  v.Field({"add", "Fields that are added beside those of the same name. Done last."}, rules.add);
  v.Field({"set", "Fields that replace all those of the same name, or are added. Done after `remove`."},
          rules.set);
  v.Field(
      {"remove",
       "Names of fields that are removed. Done first. The names that `set` refuses are refused here too."},
      rules.remove, {.each = {Form::kToken}});
}

template <class V>
void Describe(V& v, Is<RegexRewrite> auto& rewrite) {
  v.Field({"pattern",
           "Regular expression. Every match in the path is replaced; `^` and `$` are the path's ends.",
           {},
           kRequired},
          rewrite.pattern, {Form::kRegex});
  v.Field({"substitution",
           "Text that replaces each match; `\\1` to `\\9` are the groups of the pattern, `\\0` is the whole "
           "match. If the new path has dot segments or is longer than `limits.request_head`, the request is "
           "answered 404.",
           {},
           kRequired},
          rewrite.substitution, {Form::kSubstitution, kLongestSubstitution});
}

inline constexpr uint16_t kRedirectStatuses[] = {301, 302, 303, 307, 308};

template <class V>
void Describe(V& v, Is<Redirect> auto& redirect) {
  v.Field({"status", "Status of the response."}, redirect.status, {301, 308, kRedirectStatuses});
  v.Field(
      {"scheme", "Scheme of the target. A default port of the old scheme is dropped.", "as the request's"},
      redirect.scheme);
  v.Field({"host", "Host of the target, with or without a port.", "as the request's"}, redirect.host,
          {{Form::kAuthority}});
  v.Field({"port", "Port of the target.", "as the request's"}, redirect.port, {{1, 65535}});
  v.Field({"path", "Path of the target. If it holds a `?`, what follows replaces the request's query.",
           "as the request's"},
          redirect.path, {{Form::kUrlTarget}});
  v.Field({"prefix_rewrite",
           "Replaces the matched prefix in the path of the target, as the route's `prefix_rewrite` does for "
           "backends.",
           "as the request's"},
          redirect.prefix_rewrite, {{Form::kUrlPath}});
  v.Field({"strip_query", "Removes the request's query from the target."}, redirect.strip_query);
  v.AtMostOneOf({"path", "prefix_rewrite"});
}

template <class V>
void Describe(V& v, Is<DirectResponse> auto& response) {
  v.Field({"status", "Status of the response.", {}, kRequired}, response.status, {200, 599});
  v.Field({"body", "Body of the response; `text/plain` unless `headers` say otherwise.", "an empty one"},
          response.body, {Form::kBody, kLongestBody});
  v.Field({"headers", "Header fields of the response. hawser itself sets the length."}, response.headers);
}

template <class V>
void Describe(V& v, Is<OriginFilter> auto& origin) {
  v.Field(
      {"allow",
       "Origins whose pages may send requests, as a browser writes them. `*.` stands for every name below "
       "a domain. `same-host`: host and port are those of the request's `Host`; where hawser ends TLS the "
       "origin must be `https`, without TLS `http` and `https` pass. `\"null\"`, in quotes: pages without "
       "an origin, such as files and sandboxed frames; any site can make one.",
       {},
       kRequired},
      origin.allow, {.min_items = 1, .each = {Form::kOrigin}});
  v.Field(
      {"allow_missing",
       "Allows requests without `Origin`: clients that are not browsers send none. `false` also refuses page "
       "loads, for which browsers send no `Origin`: use it on routes that carry only WebSockets."},
      origin.allow_missing);
}

template <class V>
void Describe(V& v, Is<FilterConfig> auto& filter) {
  v.Field({"origin",
           "Protects against cross-site WebSocket hijacking: answers 403 to every request, WebSocket "
           "handshake or not, whose `Origin` is not in `allow`."},
          filter.origin);
  v.ExactlyOneOf({"origin"});
}

template <class V>
void Describe(V& v, Is<Route> auto& route) {
  v.Field({"name",
           "Name of the route, for logs and metrics. No two routes share one. A route without a name is called "
           "after the host and the path that it matches. If its match has further conditions, or if it names "
           "`listeners`, a hash of all of this stands behind them.",
           "`chat.example.com/chat*`, after its match"},
          route.name, {Form::kName});
  v.Field(
      {"match",
       "Which requests take this route. All conditions must hold; if there are none, every request matches.",
       {},
       kRequired},
      route.match);
  v.Field({"listeners", "Names of the listeners that have this route.", "all listeners"}, route.listeners,
          {.min_items = 1, .each = {Form::kName}});
  v.Field({"cluster", "Name of the cluster that requests go to."}, route.cluster, {{Form::kName}});
  v.Field({"weighted_clusters", "Several clusters, each with its share of the requests and handshakes."},
          route.weighted_clusters, {.min_items = 1});
  v.Field({"redirect", "Answers with a redirect, without a backend."}, route.redirect);
  v.Field({"direct_response", "Answers with a fixed response, without a backend."}, route.direct_response);
  v.Field({"prefix_rewrite",
           "Replaces the matched `path_prefix` (or the whole `path`) in what the backend sees, by whole "
           "segments: with `path_prefix: /chat`, `/` makes `/1` of `/chat/1` and `/v2` makes `/v2/1`. The "
           "query stays.",
           "the path stays"},
          route.prefix_rewrite, {{Form::kUrlPath}});
  v.Field({"regex_rewrite", "Rewrites what matches in the path before a backend sees it. The query stays."},
          route.regex_rewrite);
  v.Field({"host_rewrite", "Host that the backend sees. `X-Forwarded-Host` holds what the client asked for.",
           "the host stays"},
          route.host_rewrite, {{Form::kAuthority}});
  v.Field({"request_headers",
           "Changes the request's header fields, after the filters and before a backend is picked."},
          route.request_headers);
  v.Field({"response_headers",
           "Changes the header fields of this route's responses: those of backends, the 101 of a WebSocket "
           "included, redirects and direct responses. Responses by which hawser refuses a request are not "
           "changed."},
          route.response_headers);
  v.Field({"affinity",
           "`socket.io`: every request of a Socket.IO session goes to the endpoint where the session began, "
           "with or without cookies. hawser reads the session's id from the answer to its first poll and "
           "finds it again in the query parameter `sid`. Only this process knows it; several hawsers side by "
           "side need the cluster's cookie. For a session that is unknown, or whose endpoint is gone, the "
           "cluster's affinity and `lb_policy` decide.",
           "the cluster's alone"},
          route.affinity);
  v.Field({"handshake_timeout",
           "Time for the backend to answer a WebSocket handshake and for the client to take the answer. Then "
           "504. Connecting has `connect_timeout`."},
          route.handshake_timeout, {10ms, kLongestWait});
  v.Field({"response_timeout",
           "Time for the backend to begin its answer to any other request, from the last byte of the "
           "request. Each interim (1xx) response starts it again. Then 504. `0`: no limit."},
          route.response_timeout, {0s, kLongestLife});
  v.Field({"stream_idle_timeout",
           "How long both bodies of a relayed request and its response (not of a WebSocket) may stand still. "
           "Then a response is cut; a client whose request body stands still gets 408, one whose backend "
           "does not take it 504. `0`: no limit."},
          route.stream_idle_timeout, {0s, kLongestLife});
  v.Field({"websocket", "How this route treats tunnels."}, route.websocket);
  v.Field({"filters",
           "Filters that run on every request of this route, in this order, before a backend is picked."},
          route.filters);
  v.ExactlyOneOf({"cluster", "weighted_clusters", "redirect", "direct_response"});
  v.AtMostOneOf({"prefix_rewrite", "regex_rewrite"});
}

}  // namespace hawser::config
