// The scanner against the parser that sees the whole input: same violation at the same byte, same control
// frames, same boundaries, however the input is cut. The first byte picks the rules, the second how it is
// cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "proxy/ws/frame_scanner.h"
#include "tests/unit/ws/naive_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hawser::ws;
  if (size < 2) return 0;
  const uint8_t choice = data[0];
  const ScanRules rules{.expect_masked = (choice & 1) != 0,
                        .rsv1_allowed = (choice & 2) != 0,
                        .max_frame_bytes = (choice & 4) != 0 ? 100U : 0U,
                        .max_message_bytes = (choice & 8) != 0 ? 200U : 0U,
                        .validate_utf8 = (choice & 16) != 0,
                        .strictness = (choice & 64) != 0 ? Strictness::kLenient : Strictness::kStrict};
  const bool stop_at_boundary = (choice & 32) != 0;
  uint32_t cut = data[1];
  const std::span<const std::byte> in = std::as_bytes(std::span(data, size)).subspan(2);
  const naive::Report truth = naive::Parse(in, rules);
  const naive::Run run = naive::ScanInPieces(in, rules, stop_at_boundary, [&]() -> size_t {
    cut = cut * 1664525 + 1013904223;
    return (cut >> 24) % (data[1] + size_t{1}) + 1;
  });
  const naive::Report& report = run.report;
  const bool agree = report.violation == truth.violation && naive::StopsRightly(report.end, truth) &&
                     report.messages == truth.messages && report.controls == truth.controls &&
                     run.boundaries_agree && run.longest_rest <= 130 &&
                     (!stop_at_boundary || report.data_ends == truth.data_ends);
  if (!agree) std::abort();
  return 0;
}
