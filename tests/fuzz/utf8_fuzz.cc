// The UTF-8 validator against the reference that judges by code points: masked, in two pieces. The first four
// bytes are the mask, the fifth says where the cut is.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "proxy/ws/frame.h"
#include "proxy/ws/utf8.h"
#include "tests/unit/ws/naive_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hawser::ws;
  if (size < 5) return 0;
  const Mask mask = {data[0], data[1], data[2], data[3]};
  const std::span<const uint8_t> text(data + 5, size - 5);
  const size_t cut = text.empty() ? 0 : data[4] % (text.size() + 1);
  Utf8Validator validator;
  size_t fit = 0;
  bool stopped = false;
  for (const auto piece : {text.first(cut), text.subspan(cut)}) {
    if (stopped) break;
    const auto bytes = std::as_bytes(piece);
    std::vector<std::byte> masked(bytes.begin(), bytes.end());
    Unmask(masked, mask, 0);
    const size_t taken = validator.FeedMasked(masked, mask);
    fit += taken;
    stopped = taken < masked.size();
  }
  if (fit != naive::ValidBytes(text, false)) std::abort();
  const bool whole = !stopped && validator.complete();
  if (whole != (naive::ValidBytes(text, true) == text.size())) std::abort();
  if (whole != IsUtf8(std::as_bytes(text))) std::abort();
  return 0;
}
