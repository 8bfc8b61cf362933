#include "config/listener.h"

#include <string>

#include "config/address_check.h"
#include "config/burst_check.h"
#include "config/checks.h"
#include "config/describe.h"

namespace hawser::config {

template <>
struct Names<OverLimit> {
  static constexpr Name<OverLimit> kTable[] = {{"close", OverLimit::kClose},
                                               {"respond", OverLimit::kRespond}};
};

template <>
struct Names<UnderscorePolicy> {
  static constexpr Name<UnderscorePolicy> kTable[] = {{"allow", UnderscorePolicy::kAllow},
                                                      {"drop", UnderscorePolicy::kDrop},
                                                      {"reject", UnderscorePolicy::kReject}};
};

void Describe(Description& d, const TokenBucket& bucket) {
  d.Field({"rate",
           "How many new connections one client may make in the long run. `0` turns the limit off.",
           {},
           kRequired},
          bucket.rate);
  d.Field({"burst",
           "How many connections a client may make at once after a pause. Set it to one second's worth of "
           "`rate` or more."},
          bucket.burst, {1, 1'000'000});
}

void Describe(Description& d, const ListenerLimits& limits) {
  d.Field({"connections", "How many connections may be open on this listener, all workers together."},
          limits.connections, {1, 100'000'000});
  d.Field({"connections_per_ip",
           "How many connections one client may have open on this listener, all workers together. `0`: no "
           "limit. Connections of `trusted_proxies` are not counted."},
          limits.connections_per_ip, {0, 100'000'000});
  d.Field({"connection_rate_per_ip",
           "How fast one client may make new connections. It is checked before any TLS work. Connections of "
           "`trusted_proxies` are not counted.",
           "no limit"},
          limits.connection_rate_per_ip);
  d.Field({"ipv4_prefix", "IPv4 addresses that share this many leading bits count as one client."},
          limits.ipv4_prefix, {1, 32});
  d.Field({"ipv6_prefix",
           "IPv6 addresses that share this many leading bits count as one client. A household usually has a "
           "/64 or more."},
          limits.ipv6_prefix, {1, 128});
  d.Field({"over_limit",
           "What happens to a connection above a limit: `close` closes it at once; `respond` answers 429, "
           "which works only where TLS is off and costs more under attack."},
          limits.over_limit);
  d.Field(
      {"request_head", "The longest request line and headers together. A longer request is answered 431."},
      limits.request_head, {kKiB, kMiB});
  d.Field(
      {"request_headers", "How many header fields a request may have. A request with more is answered 431."},
      limits.request_headers, {8, 10'000});
  d.Field({"early_bytes",
           "How many bytes hawser buffers from a client before the 101. More is answered 413. `0`: none."},
          limits.early_bytes, {0, kMiB});
}

void Describe(Description& d, const ListenerTimeouts& timeouts) {
  d.Field({"tls_handshake", "Time from accepting a connection to the end of the TLS handshake."},
          timeouts.tls_handshake, {10ms, kLongestWait});
  d.Field({"request_headers",
           "Time to the end of the request's headers, however slowly they arrive. It begins when the "
           "connection is accepted; with TLS, when the handshake ends; on a kept connection, at the first "
           "byte. Over HTTP/2: time from accepting to the client's SETTINGS, and for each header block."},
          timeouts.request_headers, {10ms, kLongestWait});
  d.Field({"keep_alive", "A connection that has waited for its next request for this long is closed."},
          timeouts.keep_alive, {10ms, 24h});
  d.Field({"answer",
           "Time for a client to take a response that hawser itself makes: a refusal, a redirect, a direct "
           "response. Then the connection is cut, or the HTTP/2 stream is reset."},
          timeouts.answer, {10ms, kLongestWait});
  d.Field({"linger",
           "Time for a client to close its connection after hawser's last response or GOAWAY. Then hawser "
           "closes it. Until then hawser reads and drops what the client sends, so that a TCP reset does not "
           "destroy the response on its way."},
          timeouts.linger, {10ms, kLongestWait});
}

void Describe(Description& d, const Forwarded& forwarded) {
  d.Field({"x_real_ip",
           "Sends the client's address, the one in the access log, as `X-Real-IP`. If off, a trusted proxy's "
           "`X-Real-IP` is passed on unchanged."},
          forwarded.x_real_ip);
}

void Describe(Description& d, const Listener& listener) {
  d.Field({"name",
           "Name of the listener, for `routes[].listeners`, logs and metrics. No two listeners share one.",
           {},
           kRequired},
          listener.name, {Form::kName});
  d.Field({"address",
           "Address to listen on. `[::]:443` takes IPv4 too; with port 0 the kernel chooses a port.",
           {},
           kRequired},
          listener.address);
  d.Field({"mode",
           "Permissions of the socket file, where `address` is a Unix socket with a path. Whoever may write "
           "to the file may connect. The umask is ignored."},
          listener.mode, {Form::kFileMode});
  d.Field({"tls", "TLS with clients. hawser decrypts here.", "plain text"}, listener.tls);
  d.Field({"limits", "Limits on what clients may use."}, listener.limits);
  d.Field(
      {"timeouts", "Time limits up to the end of the request's headers, and for the end of a connection."},
      listener.timeouts);
  d.Field({"headers_with_underscores",
           "What happens to request header fields with a `_` in their name. CGI-like backends cannot tell "
           "them from those with a `-` (`X_Real_IP`, `X-Real-IP`). `allow` passes them on, `drop` removes "
           "and counts them, `reject` answers the request 400."},
          listener.headers_with_underscores);
  d.Field({"http2", "HTTP/2 with clients, WebSockets over it (RFC 8441) included."}, listener.http2);
  d.Field({"trusted_proxies",
           "Peers whose `X-Forwarded-*`, `Forwarded`, `X-Real-IP` and `X-Request-Id` hawser trusts: the "
           "addresses of the load balancer in front, or `unix` for a proxy that connects to a Unix socket. "
           "From all others these headers are replaced. Connections of these peers are not counted by "
           "`limits.connections_per_ip` and `limits.connection_rate_per_ip`."},
          listener.trusted_proxies);
  d.Field({"forwarded", "Headers that tell backends about the client, beside those that are always sent."},
          listener.forwarded);
}

namespace {

// Warns of per-IP limits, which do not apply to trusted proxies.
void CheckPerIpLimits(const Listener& listener, const Checks& checks) {
  if (listener.trusted_proxies.empty()) return;
  const auto warn = [&checks](const auto& field) {
    if (checks.Given(field)) checks.Warn(field, "does not count the connections of trusted_proxies");
  };
  warn(listener.limits.connections_per_ip);
  if (listener.limits.connection_rate_per_ip) warn(*listener.limits.connection_rate_per_ip);
}

// Address blocks never match a peer on a Unix socket.
void CheckTrustedProxies(const Listener& listener, const Checks& checks) {
  const auto& trusted = listener.trusted_proxies;
  if (!listener.address.unix_socket() || trusted.empty() || !checks.Given(trusted)) return;
  if (net::AnyContains(trusted, listener.address)) return;
  checks.Warn(trusted, "names no peer of a Unix socket", "expected unix");
}

void CheckTrust(const Listener& listener, const Checks& checks) {
  for (const net::PeerBlock& block : listener.trusted_proxies) {
    if (!checks.Given(block)) continue;
    const std::string text = block.ToString();
    if (text != "0.0.0.0/0" && text != "::/0") continue;
    checks.Warn(block, "every client is trusted: it may forge X-Forwarded-For",
                "expected the addresses of your proxies");
  }
}

}  // namespace

void CheckListener(const Listener& listener, const Checks& checks) {
  CheckTrustedProxies(listener, checks);
  CheckPerIpLimits(listener, checks);
  CheckSocketMode(listener.mode, listener.address, checks);
  CheckTrust(listener, checks);
  if (const auto& limit = listener.limits.connection_rate_per_ip) {
    CheckBurst(*limit, limit->burst, ShownNumber, checks);
  }
  if (!listener.tls) return;
  CheckTls(*listener.tls, checks);
  if (listener.limits.over_limit == OverLimit::kRespond && checks.Given(listener.limits.over_limit)) {
    checks.Warn(listener.limits.over_limit,
                "has no effect where TLS is on: connections over a limit are closed");
  }
  if (listener.http2.prior_knowledge && checks.Given(listener.http2.prior_knowledge)) {
    checks.Warn(listener.http2.prior_knowledge,
                "has no effect where TLS is on: clients choose HTTP/2 by ALPN",
                "expected http2.enabled alone, which is on unless it is false");
  }
}

}  // namespace hawser::config
