// The tunnel model of tests/unit/session/tunnel_model.h, whose choices are the input's bytes. All runs share
// a loop.
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "gtest/gtest.h"
#include "tests/unit/session/tunnel_model.h"

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  testing::InitGoogleTest(count, *arguments);
  GTEST_FLAG_SET(break_on_failure, true);
  std::signal(SIGTRAP, [](int) { std::abort(); });  // which the fuzzer knows: it keeps the input
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const uint8_t> rest(data, size);
  // Two bytes where one does not reach; nothing but 0 behind the end.
  const auto choose = [&](uint32_t limit) {
    uint32_t value = 0;
    for (int bytes = limit > 256 ? 2 : 1; bytes > 0 && !rest.empty(); --bytes) {
      value = value << 8 | rest.front();
      rest = rest.subspan(1);
    }
    return value % limit;
  };
  static const auto turns = std::make_shared<hawser::session::SteppedLoop>();
  hawser::session::TunnelModel(choose, turns).Run();
  return 0;
}
