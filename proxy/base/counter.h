// A number that one thread counts and any thread reads. Adding is a relaxed load and a relaxed store without
// a locked instruction: as fast as a plain integer.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/base/check.h"

namespace hawser::base {

class Counter {
 public:
  // The owner's thread only.
  void Add(uint64_t count) { Set(Get() + count); }
  void Subtract(uint64_t count) {  // at most what it is
    HAWSER_DCHECK(count <= Get());
    Set(Get() - count);
  }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }

  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

}  // namespace hawser::base
