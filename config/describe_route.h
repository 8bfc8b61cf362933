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
  v.Field({"name", "Of the header (in any case) or of the query parameter.", {}, kRequired}, match.name);
  v.Field({"exact", "The value is this text."}, match.exact, {{Form::kAny}});
  v.Field({"prefix", "The value begins with this text."}, match.prefix);
  v.Field({"regex", "The whole value matches this expression."}, match.regex, {{Form::kRegex}});
  v.Field({"present", "`true`: it is there, with any value; `false`: it is not."}, match.present);
  v.ExactlyOneOf({"exact", "prefix", "regex", "present"});
}

template <class V>
void Describe(V& v, Is<RouteMatch> auto& match) {
  v.Field(
      {"host",
       "The request's host without its port: one name, or `*.example.com` for every name below that domain "
       "(not the domain itself).",
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
  v.Field({"headers", "Request headers; all entries must hold."}, match.headers);
  v.Field({"query", "Query parameters; all entries must hold."}, match.query);
  v.Field({"subprotocol", "One that the client offers in `Sec-WebSocket-Protocol`.", "any or none"},
          match.subprotocol, {{Form::kToken}});
  v.AtMostOneOf({"path", "path_prefix", "path_regex"});
}

template <class V>
void Describe(V& v, Is<Keepalive> auto& keepalive) {
  v.Field({"interval",
           "A side that has been silent for this long, less up to an eighth so that pings spread, is sent a "
           "ping (RFC 6455 §5.5.2). `0` turns pings off."},
          keepalive.interval, {0s, 24h});
  v.Field(
      {"timeout", "Time for the pong. Without it the tunnel ends as dead, and its other side is told so."},
      keepalive.timeout, {10ms, kLongestWait});
  v.Field({"to",
           "Which sides are pinged. `client` suits nearly everybody: dead backends are found by "
           "`clusters[].tcp_keepalive`. With `backend` or `both`, a backend that answers hawser's pings may "
           "believe that its client has answered: RabbitMQ then stops its heartbeats and its clients leave. "
           "Some backends pass pings on to their clients as errors."},
          keepalive.to);
}

template <class V>
void Describe(V& v, Is<MaxDuration> auto& max) {
  v.Field({"duration", "A tunnel that lives for this long is closed with 1001. `0`: no limit."}, max.duration,
          {0s, kLongestLife});
  v.Field({"jitter",
           "Each tunnel's own limit is shorter by a random part of `duration`, this one at the most, so that "
           "tunnels born together do not end together."},
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
    "`slow_down` stops reading from that side until the bucket has refilled, so that its own network makes "
    "it "
    "wait; `close` closes the tunnel with 1008.";

template <class V>
void Describe(V& v, Is<MessageRateLimit> auto& limit) {
  v.Field({"rate", "Messages in the long run. `0` turns the limit off.", {}, kRequired}, limit.rate);
  v.Field({"burst", "Messages that it may send at once after a pause.", "one second's worth, at least 1"},
          limit.burst, {1, 1'000'000});
  v.Field({"over_limit", kOverRateHelp}, limit.over_limit);
}

template <class V>
void Describe(V& v, Is<ByteRateLimit> auto& limit) {
  v.Field({"rate", "Bytes in the long run, frame headers included. `0` turns the limit off.", {}, kRequired},
          limit.rate);
  v.Field({"burst", "Bytes that it may send at once after a pause.", "one second's worth, at least 1"},
          limit.burst, {1, 1024 * kMiB});
  v.Field({"over_limit", kOverRateHelp}, limit.over_limit);
}

template <class T>
concept BothDirections = Is<T, PerDirection<MessageRateLimit>> || Is<T, PerDirection<ByteRateLimit>>;

template <class V>
void Describe(V& v, BothDirections auto& limits) {
  v.Field({"from_client", "A token bucket over what the client of each tunnel sends.", "no limit"},
          limits.from_client);
  v.Field({"from_backend", "A token bucket over what the backend sends into each tunnel.", "no limit"},
          limits.from_backend);
}

template <class V>
void Describe(V& v, Is<WebSocket> auto& websocket) {
  v.Field({"inspection",
           "`strict`: every MUST of RFC 6455 §5 holds for both sides, and who breaks one is told 1002 or "
           "1007. `lenient`: "
           "what cannot confuse anybody about where frames begin and end is let pass: masks, reserved bits, "
           "unknown "
           "opcodes, lengths that are not the shortest, close codes and reasons. `off`: a pipe for protocols "
           "that are no "
           "WebSocket behind their handshake: bytes are counted, but there are no pings, no close frames and "
           "no limits "
           "that need frames."},
          websocket.inspection);
  v.Field({"validate_utf8",
           "Text messages that are not compressed must be UTF-8, across fragments; the first byte that is "
           "wrong ends the "
           "tunnel with 1007. Binary messages cost nothing.",
           "`true` with `inspection: strict`, else `false`"},
          websocket.validate_utf8);
  v.Field({"max_frame_bytes",
           "Payload of one frame, as it lies on the wire: compressed, if it is. A larger one ends the tunnel "
           "with 1009 "
           "before any of it is forwarded. `0`: no limit."},
          websocket.max_frame_bytes, {0, kLargestPayload});
  v.Field({"max_message_bytes", "Likewise of all frames of a message together. `0`: no limit."},
          websocket.max_message_bytes, {0, kLargestPayload});
  v.Field({"message_rate", "How many messages each side may send, pings included."}, websocket.message_rate);
  v.Field({"byte_rate", "How many bytes each side may send."}, websocket.byte_rate);
  v.Field({"keepalive",
           "Pings that hawser sends by itself, to keep middleboxes from forgetting a quiet connection and "
           "to find dead peers. Their pongs are swallowed; pings of the two ends pass through."},
          websocket.keepalive);
  v.Field(
      {"backend_lost_code",
       "Close code that tells a client that its backend is lost: it crashed, was restarted, or answers no "
       "pings. Clients take 1001 as permission to connect again. Some (graphql-ws) take 1011 as a fault that "
       "would come again, and give up. `0` sends no close frame: the client sees its connection end "
       "(1006)."},
      websocket.backend_lost_code);
  v.Field(
      {"compression",
       "What becomes of permessage-deflate (RFC 7692). `pass`: the two ends agree on it, and compressed "
       "messages pass as they are. `strip`: the backend never sees the offer, so that nothing is compressed. "
       "`offload`: hawser compresses and decompresses for clients that offer it, and the backend sees plain "
       "messages, to which the limits apply. Other extensions pass in all three."},
      websocket.compression);
  v.Field({"close_timeout", "From the first close frame to the end of both connections."},
          websocket.close_timeout, {10ms, kLongestWait});
  v.Field({"backend_fin_timeout",
           "Time for the backend to end its TCP connection behind the close frames, as RFC 6455 §7.1.1 has "
           "it: the port "
           "that then rests in TIME_WAIT is the backend's. Then hawser ends it. Bounded by `close_timeout`; "
           "`0`: hawser "
           "ends it at once."},
          websocket.backend_fin_timeout, {0s, kLongestWait});
  v.Field({"idle_timeout",
           "A tunnel without a message in either direction (pings are none) is closed with 1001 after "
           "this time. `0`: no limit."},
          websocket.idle_timeout, {0s, kLongestLife});
  v.Field({"max_connection_duration", "The longest life of a tunnel."}, websocket.max_connection_duration);
  v.Field(
      {"buffer",
       "Per direction: read at once, and held at the most while the other side is slow. Idle tunnels hold "
       "nothing."},
      websocket.buffer, {4 * kKiB, 16 * kMiB});
}

template <class V>
void Describe(V& v, Is<WeightedCluster> auto& cluster) {
  v.Field({"name", "Of a cluster.", {}, kRequired}, cluster.name, {Form::kName});
  v.Field({"weight", "Its share of the route's handshakes: its weight over the sum of all. `0`: none."},
          cluster.weight, {0, 1'000'000});
}

template <>
struct Names<UrlScheme> {
  static constexpr Name<UrlScheme> kTable[] = {{"http", UrlScheme::kHttp}, {"https", UrlScheme::kHttps}};
};

template <class V>
void Describe(V& v, Is<HeaderField> auto& field) {
  v.Field(
      {"name",
       "Of the field. Not one that hawser writes itself: hop-by-hop and framing fields, `Host`, `Expect`, "
       "`Sec-WebSocket-*`.",
       {},
       kRequired},
      field.name, {Form::kToken});
  v.Field({"value", "Taken as it stands.", {}, kRequired}, field.value, {Form::kFieldValue});
}

template <class V>
void Describe(V& v, Is<HeaderRules> auto& rules) {
  v.Field({"add", "Fields that are added beside those of the same name. Done last."}, rules.add);
  v.Field({"set", "Fields that take the place of all those of the same name, or are added."}, rules.set);
  v.Field(
      {"remove", "Names of fields that are taken out. Done first; the same names are refused as in `set`."},
      rules.remove, {.each = {Form::kToken}});
}

template <class V>
void Describe(V& v, Is<RegexRewrite> auto& rewrite) {
  v.Field({"pattern",
           "Every match of it in the path is replaced; `^` and `$` are the path's ends.",
           {},
           kRequired},
          rewrite.pattern, {Form::kRegex});
  v.Field({"substitution",
           "What takes its place; `\\1` to `\\9` are the groups of the pattern, `\\0` is the whole match. A "
           "path that comes out with dot segments, or longer than `limits.request_head`, is answered 404.",
           {},
           kRequired},
          rewrite.substitution, {Form::kSubstitution, kLongestSubstitution});
}

inline constexpr uint16_t kRedirectStatuses[] = {301, 302, 303, 307, 308};

template <class V>
void Describe(V& v, Is<Redirect> auto& redirect) {
  v.Field({"status", "Status of the answer."}, redirect.status, {301, 308, kRedirectStatuses});
  v.Field({"scheme", "Of the new place. The default port of the old one goes with it.", "as the request's"},
          redirect.scheme);
  v.Field({"host", "Of the new place; a port may stand behind it.", "as the request's"}, redirect.host,
          {{Form::kAuthority}});
  v.Field({"port", "Of the new place.", "as the request's"}, redirect.port, {{1, 65535}});
  v.Field({"path", "Of the new place. With a `?`, what follows takes the place of the request's query.",
           "as the request's"},
          redirect.path, {{Form::kUrlTarget}});
  v.Field({"prefix_rewrite", "As the route's `prefix_rewrite`, but for the new place.", "as the request's"},
          redirect.prefix_rewrite, {{Form::kUrlPath}});
  v.Field({"strip_query", "Leave the request's query out of the new place."}, redirect.strip_query);
  v.AtMostOneOf({"path", "prefix_rewrite"});
}

template <class V>
void Describe(V& v, Is<DirectResponse> auto& response) {
  v.Field({"status", "Of the answer.", {}, kRequired}, response.status, {200, 599});
  v.Field({"body", "Of the answer; `text/plain` unless `headers` say otherwise.", "an empty one"},
          response.body, {Form::kBody, kLongestBody});
  v.Field({"headers", "Fields of the answer. Its length is hawser's to say."}, response.headers);
}

template <class V>
void Describe(V& v, Is<OriginFilter> auto& origin) {
  v.Field(
      {"allow",
       "Origins that may open a WebSocket, as a browser writes them; `*.` takes every name below a domain. "
       "`same-host`: the origin's host is the one of the request.",
       {},
       kRequired},
      origin.allow, {.min_items = 1, .each = {Form::kOrigin}});
  v.Field({"allow_missing", "Let requests without `Origin` pass: clients that are no browsers send none."},
          origin.allow_missing);
}

template <class V>
void Describe(V& v, Is<FilterConfig> auto& filter) {
  v.Field({"origin", "Refuses handshakes from foreign web pages with 403 (cross-site WebSocket hijacking)."},
          filter.origin);
  v.ExactlyOneOf({"origin"});
}

template <class V>
void Describe(V& v, Is<Route> auto& route) {
  v.Field({"name", "For log and metrics. No two routes share one.", "`route-3` for the third"}, route.name,
          {Form::kName});
  v.Field({"match",
           "Which requests take this route. All conditions given must hold; with none, every request does.",
           {},
           kRequired},
          route.match);
  v.Field({"listeners", "Names of the listeners that it serves.", "all listeners"}, route.listeners,
          {.min_items = 1, .each = {Form::kName}});
  v.Field({"cluster", "Name of the cluster that requests go to."}, route.cluster, {{Form::kName}});
  v.Field({"weighted_clusters", "Several clusters, each with its share of the handshakes."},
          route.weighted_clusters, {.min_items = 1});
  v.Field({"redirect", "Answers with the place to go to, without a backend."}, route.redirect);
  v.Field({"direct_response", "Answers by itself, without a backend."}, route.direct_response);
  v.Field(
      {"prefix_rewrite",
       "Takes the place of the matched `path_prefix` (or of the whole `path`) in what the backend sees, by "
       "whole "
       "segments: with `path_prefix: /chat`, `/` makes `/1` of `/chat/1` and `/v2` makes `/v2/1`. The query "
       "stays.",
       "the path stays"},
      route.prefix_rewrite, {{Form::kUrlPath}});
  v.Field({"regex_rewrite", "Rewrites what matches in the path, before a backend sees it. The query stays."},
          route.regex_rewrite);
  v.Field({"host_rewrite",
           "The host that the backend sees; what the client asked for stands in `X-Forwarded-Host`.",
           "the host stays"},
          route.host_rewrite, {{Form::kAuthority}});
  v.Field({"request_headers",
           "Changes the request's header fields, after the filters and before a backend is picked."},
          route.request_headers);
  v.Field(
      {"response_headers",
       "Changes the header fields of the responses of this route: those of backends, the 101 of a WebSocket "
       "included, redirects and direct responses. What hawser answers when it refuses is left alone."},
      route.response_headers);
  v.Field(
      {"affinity",
       "`socket.io`: every request of a Socket.IO session goes to the endpoint that began it, cookies or "
       "not. The session's id is read from the answer to its first poll and found again in the query "
       "parameter `sid`. Known to this process only; several hawsers side by side need the cluster's "
       "cookie. A session that is not known, or whose endpoint is gone, is left to the cluster's affinity "
       "and `lb_policy`.",
       "the cluster's alone"},
      route.affinity);
  v.Field({"handshake_timeout",
           "How long the backend may take to answer a WebSocket handshake, and the client to take the "
           "answer. Then 504. "
           "Connecting has `connect_timeout`."},
          route.handshake_timeout, {10ms, kLongestWait});
  v.Field({"response_timeout",
           "How long the backend may take to begin its answer to any other request, from the last byte of "
           "the request. "
           "Each interim (1xx) response starts it again. Then 504. `0`: no limit."},
          route.response_timeout, {0s, kLongestLife});
  v.Field(
      {"stream_idle_timeout",
       "How long both bodies of a relayed request and its response (not of a WebSocket) may stand still. "
       "Then a "
       "response is cut; "
       "a client whose request body stands still gets 408, one whose backend does not take it 504. `0`: no "
       "limit."},
      route.stream_idle_timeout, {0s, kLongestLife});
  v.Field({"websocket", "How tunnels on this route are kept."}, route.websocket);
  v.Field({"filters", "Run on every request of this route, in this order, before a backend is picked."},
          route.filters);
  v.ExactlyOneOf({"cluster", "weighted_clusters", "redirect", "direct_response"});
  v.AtMostOneOf({"prefix_rewrite", "regex_rewrite"});
}

}  // namespace hawser::config
