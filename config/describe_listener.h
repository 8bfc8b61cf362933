// The description of `listeners`: TLS, limits, timeouts. See describe.h.
#pragma once

#include "config/field.h"
#include "config/schema.h"

namespace hawser::config {

template <>
struct Names<TlsVersion> {
  static constexpr Name<TlsVersion> kTable[] = {{"TLSv1.2", TlsVersion::kTls12},
                                                {"TLSv1.3", TlsVersion::kTls13}};
};
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

template <class V>
void Describe(V& v, Is<Certificate> auto& certificate) {
  v.Field(
      {"certificate", "PEM file with the certificate and the chain behind it, leaf first.", {}, kRequired},
      certificate.certificate, {Form::kFile});
  v.Field({"private_key", "PEM file with the private key of that certificate, not encrypted.", {}, kRequired},
          certificate.private_key, {Form::kFile});
}

template <class V>
void Describe(V& v, Is<SessionTickets> auto& tickets) {
  v.Field({"enabled",
           "Lets clients resume a TLS session with a ticket, without a full handshake. hawser stores nothing "
           "for them."},
          tickets.enabled);
  v.Field({"count",
           "How many TLS 1.3 tickets are sent after a full handshake. Each costs about a tenth of the "
           "handshake. `0`: none."},
          tickets.count, {0, 16});
  v.Field({"rotation", "How often a new ticket key is made. The old key is accepted for as long again."},
          tickets.rotation, {1s, 84h});
}

template <class V>
void Describe(V& v, Is<Tls> auto& tls) {
  v.Field({"certificates",
           "The certificates. The name that the client asks for (SNI) chooses one: exact names first, then "
           "wildcards. The first entry is the default for all other names.",
           {},
           kRequired},
          tls.certificates, {.min_items = 1});
  v.Field({"min_version", "The oldest TLS version that hawser speaks."}, tls.min_version);
  v.Field({"max_version", "The newest TLS version that hawser speaks. Not below `min_version`."},
          tls.max_version);
  v.Field({"ciphers", "TLS 1.2 ciphers, best first, as OpenSSL writes them. It does not apply to TLS 1.3.",
           "forward-secret AEAD ciphers"},
          tls.ciphers);
  v.Field({"strict_sni",
           "Refuse a handshake that names no host, or a host that no certificate carries, instead of "
           "answering with the default certificate."},
          tls.strict_sni);
  v.Field({"session_tickets", "Resumption of earlier TLS sessions."}, tls.session_tickets);
}

template <class V>
void Describe(V& v, Is<TokenBucket> auto& bucket) {
  v.Field({"rate",
           "How many new connections one client may make in the long run. `0` turns the limit off.",
           {},
           kRequired},
          bucket.rate);
  v.Field({"burst",
           "How many connections a client may make at once after a pause. Set it to one second's worth of "
           "`rate` or more."},
          bucket.burst, {1, 1'000'000});
}

template <class V>
void Describe(V& v, Is<ListenerLimits> auto& limits) {
  v.Field({"connections", "How many connections may be open on this listener, all workers together."},
          limits.connections, {1, 100'000'000});
  v.Field({"connections_per_ip",
           "How many connections one client may have open on this listener, all workers together. `0`: no "
           "limit. Connections of `trusted_proxies` are not counted."},
          limits.connections_per_ip, {0, 100'000'000});
  v.Field({"connection_rate_per_ip",
           "How fast one client may make new connections. It is checked before any TLS work. Connections of "
           "`trusted_proxies` are not counted.",
           "no limit"},
          limits.connection_rate_per_ip);
  v.Field({"ipv4_prefix", "IPv4 addresses that share this many leading bits count as one client."},
          limits.ipv4_prefix, {1, 32});
  v.Field({"ipv6_prefix",
           "IPv6 addresses that share this many leading bits count as one client. A household usually has a "
           "/64 or more."},
          limits.ipv6_prefix, {1, 128});
  v.Field({"over_limit",
           "What happens to a connection above a limit: `close` closes it at once; `respond` answers 429, "
           "which works only where TLS is off and costs more under attack."},
          limits.over_limit);
  v.Field(
      {"request_head", "The longest request line and headers together. A longer request is answered 431."},
      limits.request_head, {kKiB, kMiB});
  v.Field(
      {"request_headers", "How many header fields a request may have. A request with more is answered 431."},
      limits.request_headers, {8, 10'000});
  v.Field({"early_bytes",
           "How many bytes hawser buffers from a client before the 101. More is answered 413. `0`: none."},
          limits.early_bytes, {0, kMiB});
}

template <class V>
void Describe(V& v, Is<ListenerTimeouts> auto& timeouts) {
  v.Field({"tls_handshake", "Time from accepting a connection to the end of the TLS handshake."},
          timeouts.tls_handshake, {10ms, kLongestWait});
  v.Field({"request_headers",
           "Time to the end of the request's headers, however slowly they arrive. It begins when the "
           "connection is accepted; with TLS, when the handshake ends; on a kept connection, at the first "
           "byte. Over HTTP/2: time from accepting to the client's SETTINGS, and for each header block."},
          timeouts.request_headers, {10ms, kLongestWait});
  v.Field({"keep_alive", "A connection that has waited for its next request for this long is closed."},
          timeouts.keep_alive, {10ms, 24h});
  v.Field({"answer",
           "Time for a client to take a response that hawser itself makes: a refusal, a redirect, a direct "
           "response. Then the connection is cut, or the HTTP/2 stream is reset."},
          timeouts.answer, {10ms, kLongestWait});
  v.Field({"linger",
           "Time for a client to close its connection after hawser's last response or GOAWAY. Then hawser "
           "closes it. Until then hawser reads and drops what the client sends, so that a TCP reset does not "
           "destroy the response on its way."},
          timeouts.linger, {10ms, kLongestWait});
}

template <class V>
void Describe(V& v, Is<Http2Budgets> auto& budgets) {
  v.Field(
      {"window", "Length of the period that the budgets apply to. All counts begin anew when it is over."},
      budgets.window, {1s, 1h});
  v.Field({"resets", "How many RST_STREAM frames the client may send (rapid reset)."}, budgets.resets,
          {1, 1'000'000});
  v.Field(
      {"provoked_resets", "How many streams hawser resets because of the client's errors (MadeYouReset)."},
      budgets.provoked_resets, {1, 1'000'000});
  v.Field({"settings", "How many SETTINGS frames the client may send."}, budgets.settings, {1, 1'000'000});
  v.Field({"pings", "How many PING frames the client may send."}, budgets.pings, {1, 1'000'000});
  v.Field({"priorities", "How many PRIORITY frames the client may send. They have no other effect."},
          budgets.priorities, {1, 1'000'000});
  v.Field(
      {"empty_data",
       "How many DATA frames without a byte the client may send, those that end their stream not counted."},
      budgets.empty_data, {1, 1'000'000});
  v.Field({"window_updates",
           "How many WINDOW_UPDATE frames the client may send, beyond four for each DATA frame that it was "
           "sent."},
          budgets.window_updates, {1, 1'000'000});
  v.Field({"continuations",
           "How many CONTINUATION frames one header block may have, whatever the window. `0`: none."},
          budgets.continuations, {0, 1000});
}

template <class V>
void Describe(V& v, Is<Http2> auto& http2) {
  v.Field({"enabled", "Offers `h2` before `http/1.1` by ALPN, where this listener has TLS."}, http2.enabled);
  v.Field(
      {"prior_knowledge",
       "Where this listener has no TLS: a connection that begins with HTTP/2's preface is taken as HTTP/2."},
      http2.prior_knowledge);
  v.Field(
      {"max_concurrent_streams",
       "How many requests and WebSockets one connection may have open at once. A stream counts until the "
       "work for it has ended, even if the client resets it. Further streams are refused (REFUSED_STREAM)."},
      http2.max_concurrent_streams, {1, 10'000});
  v.Field({"initial_stream_window",
           "How many bytes a client may send on one stream before its backend takes them. A stream holds at "
           "most this much in memory."},
          http2.initial_stream_window, {kKiB, 16 * kMiB});
  v.Field({"initial_connection_window",
           "How many bytes may be on their way on one connection. They are returned as they arrive, so that "
           "a stream with a slow backend stalls no other."},
          http2.initial_connection_window, {64 * kKiB, 64 * kMiB});
  v.Field({"stall_timeout",
           "A client that blocks output for this long by not opening a flow-control window loses the stream, "
           "or the connection if it is the connection's window. `0`: never."},
          http2.stall_timeout, {0s, 24h});
  v.Field({"budgets",
           "How many frames of the kinds that cost a client little it may send. More ends the connection "
           "with GOAWAY (ENHANCE_YOUR_CALM) and is counted in `hawser_http2_abuse_total`."},
          http2.budgets);
}

template <class V>
void Describe(V& v, Is<Forwarded> auto& forwarded) {
  v.Field({"x_real_ip",
           "Sends the client's address, the one in the access log, as `X-Real-IP`. If off, a trusted proxy's "
           "`X-Real-IP` is passed on unchanged."},
          forwarded.x_real_ip);
}

template <class V>
void Describe(V& v, Is<Listener> auto& listener) {
  v.Field({"name",
           "Name of the listener, for `routes[].listeners`, logs and metrics. No two listeners share one.",
           {},
           kRequired},
          listener.name, {Form::kName});
  v.Field({"address",
           "Address to listen on. `[::]:443` takes IPv4 too; with port 0 the kernel chooses a port.",
           {},
           kRequired},
          listener.address);
  v.Field({"mode",
           "Permissions of the socket file, where `address` is a Unix socket with a path. Whoever may write "
           "to the file may connect. The umask is ignored."},
          listener.mode, {Form::kFileMode});
  v.Field({"tls", "TLS with clients. hawser decrypts here.", "plain text"}, listener.tls);
  v.Field({"limits", "Limits on what clients may use."}, listener.limits);
  v.Field(
      {"timeouts", "Time limits up to the end of the request's headers, and for the end of a connection."},
      listener.timeouts);
  v.Field({"headers_with_underscores",
           "What happens to request header fields with a `_` in their name. CGI-like backends cannot tell "
           "them from those with a `-` (`X_Real_IP`, `X-Real-IP`). `allow` passes them on, `drop` removes "
           "and counts them, `reject` answers the request 400."},
          listener.headers_with_underscores);
  v.Field({"http2", "HTTP/2 with clients, WebSockets over it (RFC 8441) included."}, listener.http2);
  v.Field({"trusted_proxies",
           "Peers whose `X-Forwarded-*`, `Forwarded`, `X-Real-IP` and `X-Request-Id` hawser trusts: the "
           "addresses of the load balancer in front, or `unix` for a proxy that connects to a Unix socket. "
           "From all others these headers are replaced. Connections of these peers are not counted by "
           "`limits.connections_per_ip` and `limits.connection_rate_per_ip`."},
          listener.trusted_proxies);
  v.Field({"forwarded", "Headers that tell backends about the client, beside those that are always sent."},
          listener.forwarded);
}

}  // namespace hawser::config
