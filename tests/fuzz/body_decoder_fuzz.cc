// The chunk decoder on any bytes: however they are cut (the first byte seeds the cuts, and says whether sizes
// may be padded), payload, trailers and verdict are the same, and payload lies inside what was consumed. What
// was decoded whole decodes the same when encoded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http1/body.h"

namespace {

using namespace hawser;

constexpr http1::Framing kChunked{.kind = http1::Framing::Kind::kChunked};
http1::BodyLimits limits{.extension_bytes = 16, .trailer_bytes = 64};

void Check(bool holds) {
  if (!holds) std::abort();
}

struct Decoded {
  std::string payload;
  std::string trailers;
  size_t consumed = 0;
  bool done = false;
  bool error = false;
  bool operator==(const Decoded&) const = default;
};

template <typename NextSize>
Decoded Decode(std::string_view text, NextSize next_size) {
  http1::BodyDecoder decoder(kChunked, limits);
  Decoded decoded;
  while (!decoded.done && !decoded.error && decoded.consumed < text.size()) {
    const std::string_view part = text.substr(decoded.consumed, next_size());
    const std::vector<char> cut(part.begin(),
                                part.end());  // of its own, so that a read behind its end is seen
    const auto in = std::as_bytes(std::span(cut));
    const http1::Piece piece = decoder.Next(in);
    Check(piece.consumed <= in.size() && (piece.consumed > 0 || piece.done || piece.error));
    Check(piece.data.empty() || (piece.data.data() >= in.data() &&
                                 piece.data.data() + piece.data.size() == in.data() + piece.consumed));
    for (const std::byte byte : piece.data) decoded.payload += static_cast<char>(byte);
    decoded.consumed += piece.consumed;
    decoded.done = piece.done;
    decoded.error = piece.error;
  }
  Check(decoder.done() == decoded.done);
  decoded.trailers = decoder.trailers();
  return decoded;
}

std::string Encode(const Decoded& decoded) {
  std::string text;
  if (!decoded.payload.empty()) {
    text.append(http1::EncodeChunkHeader(decoded.payload.size()).view());
    text.append(decoded.payload).append(http1::kChunkEnd);
  }
  return text.append(http1::kLastChunk).append(decoded.trailers).append(http1::kChunkEnd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 1024) return 0;  // cutting it up is quadratic
  uint32_t seed = data[0];
  limits.padded_sizes = data[0] % 2 == 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Decoded whole = Decode(text, [&] { return text.size(); });
  Check(Decode(text, [] { return size_t{1}; }) == whole);
  Check(Decode(text, [&seed] {
          seed = seed * 1103515245 + 12345;
          return size_t{1} + (seed >> 16) % 7;
        }) == whole);
  if (whole.done) {
    const std::string encoded = Encode(whole);
    const Decoded again = Decode(encoded, [&] { return encoded.size(); });
    Check(again.done && again.payload == whole.payload && again.trailers == whole.trailers);
  }
  return 0;
}
