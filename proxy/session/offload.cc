#include "proxy/session/offload.h"

#include <algorithm>
#include <utility>

#include "proxy/ws/deflate_stream.h"

namespace hawser::session {

using stats::Metric;

ws::DeflateCounters DeflateCountersOf(stats::WorkerStats& stats) {
  return {.inflaters_in_use = stats.CounterOf(Metric::kDeflateInflatersInUse),
          .deflaters_in_use = stats.CounterOf(Metric::kDeflateDeflatersInUse),
          .inflaters_refused = stats.CounterOf(Metric::kDeflateInflatersRefused),
          .deflaters_refused = stats.CounterOf(Metric::kDeflateDeflatersRefused),
          .compressed_in = stats.CounterOf(Metric::kDeflateCompressedToBackend),
          .plain_in = stats.CounterOf(Metric::kDeflatePlainToBackend),
          .compressed_out = stats.CounterOf(Metric::kDeflateCompressedToClient),
          .plain_out = stats.CounterOf(Metric::kDeflatePlainToClient)};
}

std::optional<http::DeflateAgreement> NegotiateCompression(const config::WebSocket& settings,
                                                           http::RequestHead& head,
                                                           http::UpgradeRequest& upgrade,
                                                           http::TextArena& arena) {
  if (settings.compression == config::Compression::kPass) return std::nullopt;
  std::optional<http::DeflateAgreement> agreement;
  if (settings.compression == config::Compression::kOffload) agreement = http::AgreeOnDeflate(head.headers);
  http::RemoveCompressionOffers(head, upgrade, arena);
  return agreement;
}

std::unique_ptr<net::ByteStream> Offload(WorkerServices& services, const config::WebSocket& settings,
                                         const http::DeflateAgreement& agreement,
                                         std::unique_ptr<net::ByteStream> client,
                                         std::span<const std::byte> early) {
  ws::DeflateStream::Options options{
      .window_bits = agreement.server_max_window_bits.value_or(ws::Deflater::kMaxWindowBits)};
  if (const uint64_t most = settings.max_frame_bytes.bytes; most > 0) {
    options.max_fragment = std::min<uint64_t>(options.max_fragment, most);
  }
  return std::make_unique<ws::DeflateStream>(services.loop, services.buffers, services.deflate,
                                             std::move(client), options, early);
}

}  // namespace hawser::session
