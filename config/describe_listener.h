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
  v.Field({"private_key", "PEM file with the key of that certificate, not encrypted.", {}, kRequired},
          certificate.private_key, {Form::kFile});
}

template <class V>
void Describe(V& v, Is<SessionTickets> auto& tickets) {
  v.Field({"enabled",
           "Lets clients resume a session with a ticket, without a full handshake. Stateless: nothing is "
           "kept for them here."},
          tickets.enabled);
  v.Field(
      {"count", "TLS 1.3 tickets sent after a full handshake. Each costs about a tenth of the handshake."},
      tickets.count, {0, 16});
  v.Field({"rotation", "A new ticket key is made this often. The old one is accepted for as long again."},
          tickets.rotation, {1s, 84h});
}

template <class V>
void Describe(V& v, Is<Tls> auto& tls) {
  v.Field({"certificates",
           "Chosen by the name that the client asks for (SNI): exact names first, then wildcards. The "
           "first entry is the default for all other names.",
           {},
           kRequired},
          tls.certificates, {.min_items = 1});
  v.Field({"min_version", "The oldest TLS version that is spoken."}, tls.min_version);
  v.Field({"max_version", "The newest TLS version that is spoken. Not below `min_version`."},
          tls.max_version);
  v.Field({"ciphers", "TLS 1.2 ciphers, best first, as OpenSSL writes them. TLS 1.3 chooses by itself.",
           "forward-secret AEAD ciphers"},
          tls.ciphers);
  v.Field({"strict_sni",
           "Refuse a handshake that names no host, or one that no certificate carries, instead of "
           "answering with the default certificate."},
          tls.strict_sni);
  v.Field({"session_tickets", "Resumption of earlier TLS sessions."}, tls.session_tickets);
  v.Field({"handshakes_per_turn",
           "Handshake steps of this listener that a worker takes in one turn of its loop. The rest waits, so "
           "that "
           "a flood of handshakes does not starve open tunnels."},
          tls.handshakes_per_turn, {1, 4096});
}

template <class V>
void Describe(V& v, Is<TokenBucket> auto& bucket) {
  v.Field({"rate",
           "New connections that one client may make in the long run. `0` turns the limit off.",
           {},
           kRequired},
          bucket.rate);
  v.Field({"burst", "Connections that it may make at once after a pause."}, bucket.burst, {1, 1'000'000});
}

template <class V>
void Describe(V& v, Is<ListenerLimits> auto& limits) {
  v.Field({"connections", "Open at once on this listener, all workers together."}, limits.connections,
          {1, 100'000'000});
  v.Field({"connections_per_ip",
           "Open at once from one client on this listener, all workers together. `0`: no limit. Those of "
           "`trusted_proxies` are not counted."},
          limits.connections_per_ip, {0, 100'000'000});
  v.Field({"connection_rate_per_ip",
           "New connections from one client, checked before any TLS work. Those of `trusted_proxies` are not "
           "counted.",
           "no limit"},
          limits.connection_rate_per_ip);
  v.Field({"ipv4_prefix", "Bits of an IPv4 address that make one client."}, limits.ipv4_prefix, {1, 32});
  v.Field(
      {"ipv6_prefix", "Bits of an IPv6 address that make one client. A household usually has a /64 or more."},
      limits.ipv6_prefix, {1, 128});
  v.Field({"over_limit",
           "What a connection above a limit gets: `close` at once, or `respond` with 429, which works "
           "only where TLS is off and costs more under attack."},
          limits.over_limit);
  v.Field({"request_head", "Bytes of request line and headers together. More is answered 431."},
          limits.request_head, {kKiB, kMiB});
  v.Field({"request_headers", "Header fields of a request. More is answered 431."}, limits.request_headers,
          {8, 10'000});
  v.Field({"early_bytes", "Held of what a client sends ahead of the 101. More is answered 413."},
          limits.early_bytes, {0, kMiB});
}

template <class V>
void Describe(V& v, Is<ListenerTimeouts> auto& timeouts) {
  v.Field({"tls_handshake", "From accept to the end of the TLS handshake."}, timeouts.tls_handshake,
          {10ms, kLongestWait});
  v.Field({"request_headers",
           "From accept (behind TLS: from its end; on a kept connection: from the first byte) to the "
           "end of the request's headers, however slowly they drip. Over HTTP/2: from accept to the client's "
           "SETTINGS, and for "
           "each header block."},
          timeouts.request_headers, {10ms, kLongestWait});
  v.Field({"keep_alive", "A connection between two requests is closed after this time."}, timeouts.keep_alive,
          {10ms, 24h});
  v.Field({"answer",
           "Time for a client to take a response of hawser's own: a refusal, a redirect, a direct response. "
           "Then its "
           "connection is cut, or its HTTP/2 stream is reset."},
          timeouts.answer, {10ms, kLongestWait});
  v.Field(
      {"linger",
       "Time for a client to close its connection behind hawser's last response or GOAWAY. Then hawser "
       "closes it; "
       "what the client still sends until then is read and dropped, so that no reset overtakes those bytes."},
      timeouts.linger, {10ms, kLongestWait});
}

template <class V>
void Describe(V& v, Is<Http2Budgets> auto& budgets) {
  v.Field({"window", "The time that the budgets hold for. They begin anew together when it is over."},
          budgets.window, {1s, 1h});
  v.Field({"resets", "RST_STREAM frames of the client (rapid reset)."}, budgets.resets, {1, 1'000'000});
  v.Field({"provoked_resets", "Streams that hawser has to reset for a fault of the client's (MadeYouReset)."},
          budgets.provoked_resets, {1, 1'000'000});
  v.Field({"settings", "SETTINGS frames."}, budgets.settings, {1, 1'000'000});
  v.Field({"pings", "PING frames."}, budgets.pings, {1, 1'000'000});
  v.Field({"priorities", "PRIORITY frames, which are ignored otherwise."}, budgets.priorities,
          {1, 1'000'000});
  v.Field({"empty_data", "DATA frames without a byte that do not end their stream."}, budgets.empty_data,
          {1, 1'000'000});
  v.Field({"window_updates",
           "WINDOW_UPDATE frames, beyond four for each DATA frame that was sent to the client."},
          budgets.window_updates, {1, 1'000'000});
  v.Field({"continuations", "CONTINUATION frames of one header block, whatever the window."},
          budgets.continuations, {0, 1000});
}

template <class V>
void Describe(V& v, Is<Http2> auto& http2) {
  v.Field({"enabled", "Offers `h2` by ALPN before `http/1.1`, where TLS is ended."}, http2.enabled);
  v.Field(
      {"prior_knowledge", "Where TLS is not ended: takes a connection that begins with HTTP/2's preface."},
      http2.prior_knowledge);
  v.Field({"max_concurrent_streams",
           "Requests and WebSockets that one connection may have open at once. A stream keeps its place "
           "until the work "
           "for it has ended, even if the client resets it. More are refused (REFUSED_STREAM)."},
          http2.max_concurrent_streams, {1, 10'000});
  v.Field({"initial_stream_window",
           "Bytes that a client may send on one stream ahead of what its backend takes: also what a stream "
           "may hold in "
           "memory."},
          http2.initial_stream_window, {kKiB, 16 * kMiB});
  v.Field({"initial_connection_window",
           "Bytes that may be under way on one connection. They are given back as they arrive, so that a "
           "stream whose "
           "backend is slow stalls no other."},
          http2.initial_connection_window, {64 * kKiB, 64 * kMiB});
  v.Field({"stall_timeout",
           "A client that keeps output waiting by a closed window for this long loses the stream, or the "
           "connection if "
           "it is the connection's window. `0`: never."},
          http2.stall_timeout, {0s, 24h});
  v.Field({"budgets",
           "What a client may send of frames that cost it little. More ends the connection with GOAWAY "
           "(ENHANCE_YOUR_CALM) and is counted in `hawser_http2_abuse_total`."},
          http2.budgets);
}

template <class V>
void Describe(V& v, Is<Forwarded> auto& forwarded) {
  v.Field({"x_real_ip",
           "Sends the client's address, the one of the access log, as `X-Real-IP`. If off, a trusted proxy's "
           "`X-Real-IP` passes as it came."},
          forwarded.x_real_ip);
}

template <class V>
void Describe(V& v, Is<Listener> auto& listener) {
  v.Field({"name", "For `routes[].listeners`, log and metrics. No two listeners share one.", {}, kRequired},
          listener.name, {Form::kName});
  v.Field({"address",
           "Where to listen. `[::]:443` takes IPv4 too; port 0 lets the kernel choose one.",
           {},
           kRequired},
          listener.address);
  v.Field(
      {"mode",
       "Permissions of the socket file, where `address` is a Unix socket with a path. Whoever may write to "
       "the file may connect. The umask has no say."},
      listener.mode, {Form::kFileMode});
  v.Field({"tls", "Ends TLS here.", "plain text"}, listener.tls);
  v.Field({"limits", "Bounds on what clients may use."}, listener.limits);
  v.Field({"timeouts", "Deadlines up to the end of the request's headers, and for the end of a connection."},
          listener.timeouts);
  v.Field(
      {"headers_with_underscores",
       "What becomes of request header fields whose names have a `_`, which CGI-like backends cannot tell "
       "from "
       "those with `-` (`X_Real_IP`, `X-Real-IP`): `allow` passes them on, `drop` leaves them out and counts "
       "them, `reject` answers the request 400."},
      listener.headers_with_underscores);
  v.Field({"http2", "HTTP/2 to clients, WebSockets over it (RFC 8441) included."}, listener.http2);
  v.Field(
      {"trusted_proxies",
       "Peers whose `X-Forwarded-*`, `Forwarded`, `X-Real-IP` and `X-Request-Id` are believed: the "
       "addresses of the load balancer in front, or `unix` for a proxy that connects to a Unix socket. From "
       "all others these headers are replaced. Connections of these peers are not counted by "
       "`limits.connections_per_ip` and `limits.connection_rate_per_ip`."},
      listener.trusted_proxies);
  v.Field({"forwarded", "Headers that tell backends of the client, beside those that are always sent."},
          listener.forwarded);
}

}  // namespace hawser::config
