// The cost of compression offload: CPU per byte of plain payload, in each direction, for the message sizes of
// chats and of bulk data.
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "proxy/ws/frame_deflater.h"
#include "proxy/ws/frame_inflater.h"

namespace hawser::ws {
namespace {

// About as compressible as JSON.
std::string SomeText(size_t bytes) {
  static constexpr std::string_view kWords[] = {
      "{\"price\":", "104.25",   ",\"symbol\":\"", "HWSR", "\",\"bid\":", "17", "},",
      "rope",        " moored ", "quay ",          "0.5",  "[",           "]"};
  std::string text;
  for (unsigned seed = 1; text.size() < bytes;) {
    seed = seed * 1664525 + 1013904223;
    text += kWords[(seed >> 16) % std::size(kWords)];
  }
  text.resize(bytes);
  return text;
}

std::vector<std::byte> Frame(std::string_view payload, uint8_t first, bool masked) {
  std::vector<std::byte> frame;
  const size_t size = payload.size();
  const auto add = [&](size_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) frame.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
  };
  add(first, 1);
  const size_t mask_bit = masked ? 0x80 : 0;
  add(mask_bit | (size < 126 ? size : size < 65536 ? 126 : 127), 1);
  if (size >= 126) add(size, size < 65536 ? 2 : 8);
  const uint8_t mask[] = {0x11, 0x22, 0x33, 0x44};
  if (masked) add(0x11223344, 4);
  for (size_t i = 0; i < size; ++i) {
    frame.push_back(static_cast<std::byte>(static_cast<uint8_t>(payload[i]) ^ (masked ? mask[i % 4] : 0)));
  }
  return frame;
}

std::string Compress(std::string_view text) {
  auto deflater = Deflater::Create(15);
  std::string out(text.size() + 1000, '\0');
  const auto step =
      deflater->Advance(std::as_bytes(std::span(text)), std::as_writable_bytes(std::span(out)), true);
  out.resize(step.made - kFlushTail.size());
  return out;
}

struct Pool {
  std::array<base::Counter, 8> counters;
  DeflatePool pool{100,
                   {counters[0], counters[1], counters[2], counters[3], counters[4], counters[5], counters[6],
                    counters[7]}};
};

template <typename Codec>
void Run(benchmark::State& state, Codec& codec, std::span<const std::byte> frame) {
  std::vector<std::byte> out(16384);
  size_t made = 0;
  for (auto _ : state) {
    for (size_t at = 0;;) {
      const auto step = codec.Advance(frame.subspan(at), out);
      at += step.taken;
      made += step.made;
      if (step.state == Codec::State::kInput) break;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
  state.counters["ratio"] = static_cast<double>(made) /
                            (static_cast<double>(state.iterations()) * static_cast<double>(state.range(0)));
}

void BM_Deflate(benchmark::State& state) {
  Pool pool;
  FrameDeflater deflater(pool.pool, 15);
  Run(state, deflater, Frame(SomeText(static_cast<size_t>(state.range(0))), 0x81, false));
}
BENCHMARK(BM_Deflate)->Arg(128)->Arg(512)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void BM_Inflate(benchmark::State& state) {
  Pool pool;
  FrameInflater inflater(pool.pool, 65535);
  Run(state, inflater, Frame(Compress(SomeText(static_cast<size_t>(state.range(0)))), 0xc1, true));
}
BENCHMARK(BM_Inflate)->Arg(128)->Arg(512)->Arg(4096)->Arg(65536)->Arg(1 << 20);

}  // namespace
}  // namespace hawser::ws
