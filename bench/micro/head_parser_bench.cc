// The cost of reading a head: a browser's WebSocket handshake, the shortest one, a backend's 101, and a
// request that arrives in small pieces. bytes_per_second is the figure to read; `head` is seconds a head.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "proxy/http1/head_parser.h"

namespace hawser::http1 {
namespace {

constexpr HeadLimits kLimits;

constexpr std::string_view kShort =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

constexpr std::string_view kBrowser =
    "GET /chat/rooms/42?token=eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo "
    "HTTP/1.1\r\n"
    "Host: chat.example.com\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36\r\n"
    "Upgrade: websocket\r\n"
    "Origin: https://chat.example.com\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.1.1234567890.1234567890\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

constexpr std::string_view kAnswer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

void Report(benchmark::State& state, std::string_view head) {
  const auto heads = static_cast<double>(state.iterations());
  state.counters["head"] =
      benchmark::Counter(heads, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * head.size()));
}

void BM_Request(benchmark::State& state, std::string_view bytes) {
  http::RequestHead head;
  for (auto _ : state) {
    size_t scanned = 0;
    head.headers.Clear();
    if (ParseRequestHead(bytes, kLimits, head, scanned).state != ParseState::kComplete)
      state.SkipWithError("refused");
    benchmark::DoNotOptimize(head.headers.size());
  }
  Report(state, bytes);
}

// As from a slow client: the work must stay linear.
void BM_RequestInPieces(benchmark::State& state, std::string_view bytes, size_t piece) {
  http::RequestHead head;
  for (auto _ : state) {
    size_t scanned = 0;
    head.headers.Clear();
    for (size_t size = piece; size < bytes.size(); size += piece) {
      benchmark::DoNotOptimize(ParseRequestHead(bytes.substr(0, size), kLimits, head, scanned));
    }
    if (ParseRequestHead(bytes, kLimits, head, scanned).state != ParseState::kComplete)
      state.SkipWithError("refused");
  }
  Report(state, bytes);
}

void BM_Response(benchmark::State& state) {
  http::ResponseHead head;
  for (auto _ : state) {
    size_t scanned = 0;
    head.headers.Clear();
    if (ParseResponseHead(kAnswer, kLimits, head, scanned).state != ParseState::kComplete)
      state.SkipWithError("refused");
    benchmark::DoNotOptimize(head.headers.size());
  }
  Report(state, kAnswer);
}

BENCHMARK_CAPTURE(BM_Request, short, kShort);
BENCHMARK_CAPTURE(BM_Request, browser, kBrowser);
BENCHMARK_CAPTURE(BM_RequestInPieces, browser_16, kBrowser, size_t{16});
BENCHMARK(BM_Response);

}  // namespace
}  // namespace hawser::http1
