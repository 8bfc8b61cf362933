// Waiting without sleeping: every wait of the harness is for a condition, and ends at a deadline that only a
// broken program reaches.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace hawser::integration {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Generous, because the machine may be loaded and the binary may be a sanitizer's. Once a test has failed,
// what follows in it waits for a moment only.
inline std::chrono::milliseconds Patience() {
  return testing::Test::HasFailure() ? 1000ms : 30000ms;
}

class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds after = Patience()) : at_(Clock::now() + after) {}

  bool expired() const { return Clock::now() >= at_; }
  // As poll() takes it.
  int left_ms() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at_ - Clock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count() + 1));
  }

 private:
  Clock::time_point at_;
};

// For conditions that no descriptor announces (a counter, a line of a file): looks until condition() holds,
// and returns whether it did.
template <typename Condition>
bool Eventually(Condition condition) {
  for (const Deadline deadline; !deadline.expired(); std::this_thread::sleep_for(2ms)) {
    if (condition()) return true;
  }
  return condition();
}

}  // namespace hawser::integration
