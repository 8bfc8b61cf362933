#include "config/websocket.h"

#include <optional>
#include <string>

#include "config/burst_check.h"
#include "config/checks.h"
#include "config/describe.h"
#include "config/units.h"
#include "fmt/format.h"

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
struct Names<Inspection> {
  static constexpr Name<Inspection> kTable[] = {
      {"strict", Inspection::kStrict}, {"lenient", Inspection::kLenient}, {"off", Inspection::kOff}};
};

template <>
struct Names<OverRate> {
  static constexpr Name<OverRate> kTable[] = {{"slow_down", OverRate::kSlowDown},
                                              {"close", OverRate::kClose}};
};

namespace {

constexpr std::string_view kOverRateHelp =
    "What happens to a side that is over the limit. `slow_down`: hawser stops reading from it until the "
    "bucket has refilled, so that its own network makes it wait. `close`: the tunnel is closed with 1008.";

template <class Limit>
void DescribeDirections(Description& d, const PerDirection<Limit>& limits) {
  d.Field({"from_client", "Limit on what the client of each tunnel sends (a token bucket).", "no limit"},
          limits.from_client);
  d.Field({"from_backend", "Limit on what the backend sends into each tunnel (a token bucket).", "no limit"},
          limits.from_backend);
}

}  // namespace

void Describe(Description& d, const Keepalive& keepalive) {
  d.Field(
      {"interval",
       "A side that has been silent for this long is sent a ping (RFC 6455 §5.5.2). Each wait is shorter by "
       "a random part of up to an eighth, so that pings do not all come at once. `0` turns pings off."},
      keepalive.interval, {0s, 24h});
  d.Field({"timeout",
           "Time for the pong. A side that sends nothing in this time is dead: the tunnel ends, and the "
           "other side gets a close frame."},
          keepalive.timeout, {10ms, kLongestWait});
  d.Field(
      {"to",
       "Which sides hawser pings. `client` is right for almost everybody: `clusters[].tcp_keepalive` "
       "finds dead backends. With `backend` or `both`, a backend may count hawser's pings as activity of its "
       "client: RabbitMQ then stops its heartbeats and its clients leave. Some backends pass pings on to "
       "their clients as errors."},
      keepalive.to);
}

void Describe(Description& d, const MaxDuration& max) {
  d.Field({"duration", "A tunnel that has lived for this long is closed with 1001. `0`: no limit."},
          max.duration, {0s, kLongestLife});
  d.Field({"jitter",
           "The largest part of `duration` by which a tunnel's own limit is shortened at random, so that "
           "tunnels opened together do not end together. `0`: all have the same limit."},
          max.jitter, {0.0, 1.0});
}

void Describe(Description& d, const MessageRateLimit& limit) {
  d.Field({"rate", "Messages in the long run. `0` turns the limit off.", {}, kRequired}, limit.rate);
  d.Field({"burst",
           "How many messages a side may send at once after a pause. Set it to one second's worth of `rate` "
           "or more.",
           "one second's worth, at least 1"},
          limit.burst, {1, 1'000'000});
  d.Field({"over_limit", kOverRateHelp}, limit.over_limit);
}

void Describe(Description& d, const ByteRateLimit& limit) {
  d.Field({"rate", "Bytes in the long run, frame headers included. `0` turns the limit off.", {}, kRequired},
          limit.rate);
  d.Field({"burst",
           "How many bytes a side may send at once after a pause. Set it to one second's worth of `rate` or "
           "more.",
           "one second's worth, at least 1"},
          limit.burst, {1, 1024 * kMiB});
  d.Field({"over_limit", kOverRateHelp}, limit.over_limit);
}

void Describe(Description& d, const PerDirection<MessageRateLimit>& limits) {
  DescribeDirections(d, limits);
}

void Describe(Description& d, const PerDirection<ByteRateLimit>& limits) {
  DescribeDirections(d, limits);
}

void Describe(Description& d, const WebSocket& websocket) {
  d.Field({"inspection",
           "How strictly frames are checked. `strict`: both sides must follow every MUST of RFC 6455 §5; a "
           "side that does not is closed with 1002 or 1007. `lenient`: errors that leave no doubt about "
           "where frames begin and end are let pass: masks, reserved bits, unknown opcodes, lengths that are "
           "not the shortest, close codes and reasons. `off`: for protocols that use the Upgrade handshake "
           "but not WebSocket frames: bytes are counted, but there are no pings, no close frames and no "
           "limits that need frames."},
          websocket.inspection);
  d.Field({"validate_utf8",
           "Text messages that are not compressed must be UTF-8, across fragments too. The first wrong byte "
           "ends the tunnel with 1007. Binary messages are not checked.",
           "`true` with `inspection: strict`, else `false`"},
          websocket.validate_utf8);
  d.Field({"max_frame_bytes",
           "The largest payload of one frame, as it is sent: compressed, if it is compressed. A larger frame "
           "ends the tunnel with 1009 before any of it is forwarded. `0`: no limit."},
          websocket.max_frame_bytes, {0, kLargestPayload});
  d.Field({"max_message_bytes",
           "The largest payload of all frames of one message together, as they are sent. A larger message "
           "ends the tunnel with 1009. `0`: no limit."},
          websocket.max_message_bytes, {0, kLargestPayload});
  d.Field({"message_rate", "How many messages each side may send, pings included."}, websocket.message_rate);
  d.Field({"byte_rate", "How many bytes each side may send."}, websocket.byte_rate);
  d.Field({"keepalive",
           "Pings that hawser itself sends, so that middleboxes do not forget a quiet connection and dead "
           "peers are found. hawser keeps their pongs; pings of the two ends pass through."},
          websocket.keepalive);
  d.Field(
      {"backend_lost_code",
       "Close code for a client whose backend is lost: it crashed, was restarted, or does not answer pings. "
       "Clients take 1001 as permission to connect again. Some (graphql-ws) take 1011 as an error that would "
       "come again, and give up. `0` sends no close frame: the client sees its connection end (1006)."},
      websocket.backend_lost_code);
  d.Field({"compression",
           "What happens to permessage-deflate (RFC 7692). `pass`: the two ends agree on it, and compressed "
           "messages pass unchanged. `strip`: hawser removes the offer, so nothing is compressed. `offload`: "
           "hawser compresses and decompresses for clients that offer it; the backend sees plain messages, "
           "and limits apply to those. Other extensions pass in all three."},
          websocket.compression);
  d.Field({"close_timeout", "Time from the first close frame to the end of both connections."},
          websocket.close_timeout, {10ms, kLongestWait});
  d.Field({"backend_fin_timeout",
           "After the close frames, time for the backend to end its TCP connection first (RFC 6455 §7.1.1), "
           "so that the port in TIME_WAIT is the backend's. Then hawser ends it. At most `close_timeout`. "
           "`0`: hawser ends it at once."},
          websocket.backend_fin_timeout, {0s, kLongestWait});
  d.Field({"idle_timeout",
           "A tunnel without a message in either direction for this long is closed with 1001. Pings do not "
           "count. `0`: no limit."},
          websocket.idle_timeout, {0s, kLongestLife});
  d.Field({"max_connection_duration", "How long a tunnel may live."}, websocket.max_connection_duration);
  d.Field({"buffer",
           "How many bytes are read at once in each direction, and at most held while the other side is "
           "slow. Idle tunnels hold nothing."},
          websocket.buffer, {4 * kKiB, 16 * kMiB});
  d.Field(
      {"socket_buffer",
       "How many bytes wait in the kernel at most, in each direction, for a side that does not read: "
       "about this many that were not sent to it yet, and as many that the other side has sent meanwhile. "
       "Bytes on their way are not counted, and a side so far away that this bound would slow it below "
       "1 Gbit/s may send as much as the kernel allows (`net.ipv4.tcp_rmem`). `0`: the kernel alone "
       "decides, which can be several megabytes for each connection."},
      websocket.socket_buffer, {0, 1024 * kMiB});
  d.Field({"send_timeout",
           "A side that takes nothing of the bytes that wait for it for this long ends the tunnel "
           "(`slow_consumer`). A side that reads slowly takes some. Where the bytes end between two frames, "
           "it is sent 1013 behind them. `0`: no limit."},
          websocket.send_timeout, {0s, 24h});
}

namespace {

// Without inspection, frame boundaries are unknown.
void CheckWithoutFrames(const WebSocket& websocket, const Checks& checks) {
  const auto forbid = [&](const auto& field, bool asked) {
    if (asked)
      checks.Error(field, "needs frames, and inspection: off does not look for them",
                   "expected inspection: strict or lenient");
  };
  forbid(websocket.validate_utf8, checks.Given(websocket.validate_utf8) && websocket.validate_utf8);
  forbid(websocket.compression, websocket.compression == Compression::kOffload);
  forbid(websocket.max_frame_bytes, websocket.max_frame_bytes.bytes > 0);
  forbid(websocket.max_message_bytes, websocket.max_message_bytes.bytes > 0);
  const auto limits = [](const std::optional<MessageRateLimit>& limit) {
    return limit && limit->rate.per_second > 0;
  };
  forbid(websocket.message_rate,
         limits(websocket.message_rate.from_client) || limits(websocket.message_rate.from_backend));
}

// Where the file gives no burst, these have one second's worth.
void CheckBursts(const WebSocket& websocket, const Checks& checks) {
  for (const auto* limit : {&websocket.message_rate.from_client, &websocket.message_rate.from_backend}) {
    if (*limit && checks.Given((*limit)->burst)) CheckBurst(**limit, (*limit)->burst, ShownNumber, checks);
  }
  for (const auto* limit : {&websocket.byte_rate.from_client, &websocket.byte_rate.from_backend}) {
    if (*limit && checks.Given((*limit)->burst))
      CheckBurst(**limit, (*limit)->burst.bytes, ShownSize, checks);
  }
}

}  // namespace

void CheckWebSocket(const WebSocket& websocket, const Checks& checks) {
  const Keepalive& keepalive = websocket.keepalive;
  CheckBursts(websocket, checks);
  if (websocket.inspection == Inspection::kOff) return CheckWithoutFrames(websocket, checks);
  if (!checks.Sound(websocket) || keepalive.interval.count() == 0 || keepalive.to == KeepaliveTo::kNone)
    return;
  if (checks.Given(keepalive.timeout) && keepalive.timeout > keepalive.interval) {
    checks.Warn(
        keepalive.timeout,
        fmt::format("a pong may take longer than the interval of {}", FormatDuration(keepalive.interval)),
        "expected at most the interval");
  }
  if (websocket.idle_timeout.count() > 0 && websocket.idle_timeout < keepalive.interval) {
    checks.Warn(websocket.idle_timeout,
                fmt::format("tunnels end before the first ping, which comes after {}; pings are not messages",
                            FormatDuration(keepalive.interval)),
                "expected more than keepalive.interval");
  }
}

}  // namespace hawser::config
