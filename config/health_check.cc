#include "config/health_check.h"

#include "config/checks.h"
#include "config/describe.h"
#include "proxy/http/head.h"
#include "proxy/http/hop_by_hop.h"

namespace hawser::config {

template <>
struct Names<OnUnhealthy> {
  static constexpr Name<OnUnhealthy> kTable[] = {{"keep", OnUnhealthy::kKeep},
                                                 {"close", OnUnhealthy::kClose}};
};

namespace {

void DescribePort(Description& d, const std::optional<uint16_t>& port) {
  d.Field({"port", "Port that is checked. A Unix socket has none.", "the endpoint's"}, port, {{1, 65535}});
}

void DescribeRequest(Description& d, const std::optional<std::string>& host,
                     const std::vector<HeaderField>& headers, std::string_view help) {
  d.Field({"host", "Host of the request, with or without a port, and name for SNI.",
           "the endpoint's name, or its address"},
          host, {{Form::kAuthority}});
  d.Field({"headers", help}, headers);
}

}  // namespace

void Describe(Description& d, const WebSocketCheck& check) {
  d.Field({"path", "Path of the handshake, with or without a query."}, check.path, {Form::kUrlTarget});
  d.Field(
      {"ping", "After the 101 hawser sends a ping, and its pong must come back. `false`: the 101 is enough."},
      check.ping);
  DescribePort(d, check.port);
  DescribeRequest(
      d, check.host, check.headers,
      "Further header fields of the request. `Sec-WebSocket-Protocol` offers subprotocols, where the "
      "backend asks for one.");
}

void Describe(Description& d, const HttpCheck& check) {
  d.Field({"path", "Path of the GET request, with or without a query."}, check.path, {Form::kUrlTarget});
  d.Field({"expect", "Statuses of a healthy endpoint.", "200 and 204"}, check.expect,
          {.min_items = 1, .each = {200, 599}});
  DescribePort(d, check.port);
  DescribeRequest(d, check.host, check.headers, "Further header fields of the request.");
}

void Describe(Description& d, const TcpCheck& check) {
  DescribePort(d, check.port);
  d.Field({"host", "Has no effect: a TCP connection carries no name.", "none"}, check.host,
          {{Form::kAuthority}});
  d.Field({"headers", "Has no effect: nothing is sent."}, check.headers);
}

void Describe(Description& d, const HealthCheck& check) {
  d.Field({"websocket",
           "A real WebSocket handshake, in the cluster's protocol and TLS, then a ping and its pong, then a "
           "clean close."},
          check.websocket);
  d.Field({"http", "A GET request in the cluster's protocol and TLS, on a kept connection."}, check.http);
  d.Field({"tcp", "A TCP connection that is made and closed. Nothing is sent."}, check.tcp);
  d.Field({"interval",
           "Time between two checks of an endpoint whose last check has succeeded, give or take a tenth. The "
           "first checks are spread over this time."},
          check.interval, {10ms, 24h});
  d.Field({"unhealthy_interval",
           "Time between two checks of an endpoint that is unhealthy or whose last check has failed."},
          check.unhealthy_interval, {10ms, 24h});
  d.Field({"timeout", "Time for one check, with its connection. A check that takes longer has failed."},
          check.timeout, {10ms, 5min});
  d.Field(
      {"healthy_threshold",
       "After this many successes in a row an unhealthy endpoint is healthy again. Before its first result "
       "an endpoint counts as healthy; that result decides at once."},
      check.healthy_threshold, {1, 100});
  d.Field({"unhealthy_threshold",
           "After this many failures in a row a healthy endpoint is unhealthy: it gets no new requests and "
           "no new tunnels."},
          check.unhealthy_threshold, {1, 100});
  d.Field({"on_unhealthy",
           "What happens to the tunnels of an endpoint that this check finds unhealthy. `keep`: they stay. "
           "`close`: they are closed with 1012, spread over `draining.window`, as long as the check fails. "
           "None is closed while its client has nowhere to go: no endpoint of the cluster is usable, or its "
           "priority ignores health (`panic_threshold`)."},
          check.on_unhealthy);
  d.ExactlyOneOf({"websocket", "http", "tcp"});
}

namespace {

// A backend may ask for a subprotocol: the check offers those that stand here.
void CheckHandshakeFields(const std::vector<HeaderField>& fields, const Checks& checks) {
  for (const HeaderField& field : fields) {
    if (http::EqualsIgnoreCase(field.name, "Sec-WebSocket-Protocol")) continue;
    if (checks.Given(field.name) && http::IsOwnField(field.name)) {
      checks.Error(field.name, Quote(field.name) + " is written by hawser itself", "expected another field");
    }
  }
}

void CheckTcp(const std::optional<TcpCheck>& tcp, const Checks& checks) {
  if (!tcp) return;
  constexpr const char* kExpected = "expected websocket or http to send it";
  if (tcp->host && checks.Given(*tcp->host))
    checks.Warn(*tcp->host, "has no effect on a TCP check", kExpected);
  if (checks.Given(tcp->headers)) checks.Warn(tcp->headers, "has no effect on a TCP check", kExpected);
}

}  // namespace

void CheckHealthCheck(const HealthCheck& health_check, const Checks& checks) {
  if (const auto& websocket = health_check.websocket) {
    CheckAuthority(websocket->host, checks);
    CheckHandshakeFields(websocket->headers, checks);
  }
  if (const auto& http = health_check.http) {
    CheckAuthority(http->host, checks);
    CheckHeaderFields(http->headers, checks);
  }
  CheckTcp(health_check.tcp, checks);
}

}  // namespace hawser::config
