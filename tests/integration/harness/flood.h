// Much data against a reader that does not read: numbered blocks, sent from a thread, so that a test can wait
// until the sender is stalled, look at the proxy's memory, and then find every block in its place.
#pragma once

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "tests/integration/harness/hawser_process.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration {

inline constexpr size_t kMiB = 1 << 20;
// By how much hawser's memory may grow meanwhile: freed memory stays in a sanitizer's quarantine.
inline size_t MostGrowth() {
  return IsSanitized() ? 64 * kMiB : 4 * kMiB;
}

// 1 MiB, the same for the same number.
inline std::string NumberedBlock(uint64_t number) {
  std::string block(kMiB, static_cast<char>(number * 37));
  std::memcpy(block.data(), &number, sizeof number);
  return block;
}

class Flood {
 public:
  // Sends block(0), block(1) and so on; `wire` is the flood's alone for sending.
  Flood(Wire& wire, uint64_t blocks, std::function<std::string(uint64_t)> block)
      : thread_([this, &wire, blocks, block = std::move(block)] {
          for (uint64_t number = 0; number < blocks; ++number) {
            const std::string bytes = block(number);
            for (size_t sent = 0; sent < bytes.size() && !stop_;) {
              const size_t taken = wire.SendSome(std::string_view(bytes).substr(sent));
              sent += taken;
              sent_ += taken;
              if (taken == 0) std::this_thread::yield();
            }
          }
        }) {}
  ~Flood() {
    stop_ = true;
    thread_.join();
  }

  size_t sent() const { return sent_; }
  // Waits until the socket has taken nothing more for many looks in a row.
  bool Stalled() {
    size_t last = 0;
    int same = 0;
    return Eventually([&] {
      same = sent_ == last && last > 0 ? same + 1 : 0;
      last = sent_;
      return same > 200;
    });
  }

 private:
  std::atomic<size_t> sent_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace hawser::integration
