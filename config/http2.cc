#include "config/http2.h"

#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const Http2Budgets& budgets) {
  d.Field(
      {"window", "Length of the period that the budgets apply to. All counts begin anew when it is over."},
      budgets.window, {1s, 1h});
  d.Field({"resets", "How many RST_STREAM frames the client may send (rapid reset)."}, budgets.resets,
          {1, 1'000'000});
  d.Field(
      {"provoked_resets", "How many streams hawser resets because of the client's errors (MadeYouReset)."},
      budgets.provoked_resets, {1, 1'000'000});
  d.Field({"settings", "How many SETTINGS frames the client may send."}, budgets.settings, {1, 1'000'000});
  d.Field({"pings", "How many PING frames the client may send."}, budgets.pings, {1, 1'000'000});
  d.Field({"priorities", "How many PRIORITY frames the client may send. They have no other effect."},
          budgets.priorities, {1, 1'000'000});
  d.Field(
      {"empty_data",
       "How many DATA frames without a byte the client may send, those that end their stream not counted."},
      budgets.empty_data, {1, 1'000'000});
  d.Field({"window_updates",
           "How many WINDOW_UPDATE frames the client may send, beyond four for each DATA frame that it was "
           "sent."},
          budgets.window_updates, {1, 1'000'000});
  d.Field({"continuations",
           "How many CONTINUATION frames one header block may have, whatever the window. `0`: none."},
          budgets.continuations, {0, 1000});
}

void Describe(Description& d, const Http2& http2) {
  d.Field({"enabled", "Offers `h2` before `http/1.1` by ALPN, where this listener has TLS."}, http2.enabled);
  d.Field(
      {"prior_knowledge",
       "Where this listener has no TLS: a connection that begins with HTTP/2's preface is taken as HTTP/2."},
      http2.prior_knowledge);
  d.Field(
      {"max_concurrent_streams",
       "How many requests and WebSockets one connection may have open at once. A stream counts until the "
       "work for it has ended, even if the client resets it. Further streams are refused (REFUSED_STREAM)."},
      http2.max_concurrent_streams, {1, 10'000});
  d.Field({"initial_stream_window",
           "How many bytes a client may send on one stream before its backend takes them. A stream holds at "
           "most this much in memory."},
          http2.initial_stream_window, {kKiB, 16 * kMiB});
  d.Field({"initial_connection_window",
           "How many bytes may be on their way on one connection. They are returned as they arrive, so that "
           "a stream with a slow backend stalls no other."},
          http2.initial_connection_window, {64 * kKiB, 64 * kMiB});
  d.Field({"stall_timeout",
           "A client that blocks output for this long by not opening a flow-control window loses the stream, "
           "or the connection if it is the connection's window. `0`: never."},
          http2.stall_timeout, {0s, 24h});
  d.Field({"budgets",
           "How many frames of the kinds that cost a client little it may send. More ends the connection "
           "with GOAWAY (ENHANCE_YOUR_CALM) and is counted in `hawser_http2_abuse_total`."},
          http2.budgets);
}

}  // namespace hawser::config
