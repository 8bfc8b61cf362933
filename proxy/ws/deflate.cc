#include "proxy/ws/deflate.h"

#include <limits>

#include "proxy/base/check.h"

namespace hawser::ws {
namespace {

// Measured on JSON and text (docs/decisions/0021): level 1 saves most of what level 6 does for a quarter of
// its time. A memory level of 5 takes 150 KiB instead of the 262 of zlib's default, and changes neither time
// nor ratio by much.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 5;

// In zlib's numbers, negative bits mean a raw stream: no header, no checksum.
constexpr int Raw(int window_bits) {
  return -window_bits;
}

// zlib takes no const input, and reads it only.
Bytef* Bytes(std::span<const std::byte> bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

void Offer(z_stream& stream, std::span<const std::byte> in, std::span<std::byte> out) {
  HAWSER_DCHECK(in.size() <= std::numeric_limits<uInt>::max() &&
                out.size() <= std::numeric_limits<uInt>::max());
  stream.next_in = Bytes(in);
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = Bytes(out);
  stream.avail_out = static_cast<uInt>(out.size());
}

}  // namespace

std::unique_ptr<Inflater> Inflater::Create() {
  std::unique_ptr<Inflater> inflater(new Inflater);
  if (inflateInit2(&inflater->stream_, Raw(15)) != Z_OK) return nullptr;
  return inflater;
}

Inflater::~Inflater() {
  inflateEnd(&stream_);
}

Inflater::Step Inflater::Advance(std::span<const std::byte> in, std::span<std::byte> out) {
  Offer(stream_, in, out);
  if (!in.empty()) ended_ = false;
  int result;
  while ((result = inflate(&stream_, Z_SYNC_FLUSH)) == Z_STREAM_END) {
    inflateReset(&stream_);
    ended_ = stream_.avail_in == 0;
    if (ended_ || stream_.avail_out == 0) break;
  }
  const Step step{.taken = in.size() - stream_.avail_in, .made = out.size() - stream_.avail_out};
  if (result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END) return step;
  return {step.taken, step.made, result == Z_MEM_ERROR ? State::kNoMemory : State::kMalformed};
}

bool Inflater::between_blocks() const {
  constexpr int kEndOfBlock = 128;  // and no bit of the last byte is left, and the block was not the last one
  return stream_.data_type == kEndOfBlock;
}

void Inflater::Reset() {
  inflateReset(&stream_);
  ended_ = false;
}

std::unique_ptr<Deflater> Deflater::Create(int window_bits) {
  HAWSER_DCHECK(window_bits >= kMinWindowBits && window_bits <= kMaxWindowBits);
  std::unique_ptr<Deflater> deflater(new Deflater(window_bits));
  const int result = deflateInit2(&deflater->stream_, kLevel, Z_DEFLATED, Raw(window_bits), kMemoryLevel,
                                  Z_DEFAULT_STRATEGY);
  if (result != Z_OK) return nullptr;
  return deflater;
}

Deflater::~Deflater() {
  deflateEnd(&stream_);
}

Deflater::Step Deflater::Advance(std::span<const std::byte> in, std::span<std::byte> out, bool flush) {
  Offer(stream_, in, out);
  deflate(&stream_, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH);  // cannot fail: at the worst there is nothing to do
  return {.taken = in.size() - stream_.avail_in, .made = out.size() - stream_.avail_out};
}

void Deflater::Reset() {
  deflateReset(&stream_);
}

}  // namespace hawser::ws
