// The cost of the scanner: per frame among many short ones, per byte of a long one, per byte of validated
// text. The counters to read are `frame` (seconds a frame) and bytes_per_second.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "proxy/ws/frame.h"
#include "proxy/ws/frame_scanner.h"
#include "proxy/ws/utf8.h"

namespace hawser::ws {
namespace {

constexpr Mask kMask = {0x37, 0xfa, 0x21, 0x3d};

void AppendFrame(std::vector<std::byte>& out, Opcode opcode, std::string_view payload, bool masked) {
  const size_t size = payload.size();
  const auto put = [&](size_t value) { out.push_back(std::byte(value & 0xff)); };
  put(0x80 | static_cast<size_t>(opcode));
  const size_t mask_bit = masked ? 0x80 : 0;
  const int extended = size < 126 ? 0 : size < 65536 ? 2 : 8;
  put(mask_bit | (extended == 0 ? size : extended == 2 ? 126 : 127));
  for (int i = extended - 1; i >= 0; --i) put(size >> (8 * i));
  if (masked) {
    for (const uint8_t byte : kMask) put(byte);
  }
  const size_t begin = out.size();
  out.resize(begin + size);
  std::memcpy(out.data() + begin, payload.data(), size);
  if (masked) Unmask({out.data() + begin, size}, kMask, 0);
}

// Arguments: frames a call, payload bytes a frame, masked.
void BM_Frames(benchmark::State& state, Opcode opcode, bool validate) {
  const auto frames = static_cast<size_t>(state.range(0));
  const std::string payload(static_cast<size_t>(state.range(1)), 'a');
  const bool masked = state.range(2) != 0;
  std::vector<std::byte> in;
  for (size_t i = 0; i < frames; ++i) AppendFrame(in, opcode, payload, masked);
  FrameScanner scanner;
  const ScanRules rules{.expect_masked = masked, .validate_utf8 = validate};
  for (auto _ : state) {
    const Scan scan = scanner.Advance(in, rules, false);
    if (scan.bytes != in.size()) return state.SkipWithError("the input is not valid");
    benchmark::DoNotOptimize(scan);
  }
  state.counters["frame"] =
      benchmark::Counter(static_cast<double>(frames),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(in.size()));
}
BENCHMARK_CAPTURE(BM_Frames, binary, Opcode::kBinary, false)
    ->Args({1, 16, 1})
    ->Args({16, 125, 1})
    ->Args({16, 125, 0})
    ->Args({16, 1000, 1})
    ->Args({1000, 20, 1});
BENCHMARK_CAPTURE(BM_Frames, validated_text, Opcode::kText, true)
    ->Args({16, 125, 1})
    ->Args({16, 1000, 1})
    ->Args({1, 65536, 1});

// 64 KiB in the middle of a frame that does not end.
void BM_InsideOneFrame(benchmark::State& state) {
  std::vector<std::byte> in;
  AppendFrame(in, Opcode::kBinary, {}, true);
  in[1] = std::byte{0xff};
  in.insert(in.begin() + 2, {std::byte{0x7f}, std::byte{}, std::byte{}, std::byte{}, std::byte{}, std::byte{},
                             std::byte{}, std::byte{}});
  const ScanRules rules{.expect_masked = true};
  FrameScanner scanner;
  scanner.Advance(in, rules, false);
  const std::vector<std::byte> chunk(65536);
  for (auto _ : state) benchmark::DoNotOptimize(scanner.Advance(chunk, rules, false));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(chunk.size()));
}
BENCHMARK(BM_InsideOneFrame);

void BM_Utf8(benchmark::State& state, std::string_view piece) {
  std::vector<std::byte> text;
  while (text.size() < 65536) {
    for (const char c : piece) text.push_back(static_cast<std::byte>(c));
  }
  Unmask(text, kMask, 0);
  for (auto _ : state) {
    Utf8Validator validator;
    benchmark::DoNotOptimize(validator.FeedMasked(text, kMask));
    if (!validator.complete()) return state.SkipWithError("the text is not valid");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(text.size()));
}
BENCHMARK_CAPTURE(BM_Utf8, ascii, "The quick brown fox jumps. ");
BENCHMARK_CAPTURE(BM_Utf8, mostly_ascii,
                  "Un café crème, s'il vous plaît, et deux croissants pour la table là-bas. ");
BENCHMARK_CAPTURE(BM_Utf8, cyrillic, "Съешь ещё этих мягких французских булок. ");
BENCHMARK_CAPTURE(BM_Utf8, emoji, "😀😃😄😁");

void BM_Unmask(benchmark::State& state) {
  std::vector<std::byte> bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    Unmask(bytes, kMask, 3);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_Unmask)->Arg(125)->Arg(65536);

}  // namespace
}  // namespace hawser::ws

BENCHMARK_MAIN();
