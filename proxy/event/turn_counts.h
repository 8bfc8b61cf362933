// What a loop counts about its turns, for whoever shows it. One thread counts, any thread reads.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "proxy/base/counter.h"

namespace hawser::event {

struct TurnCounts {
  // Upper bounds of the buckets, in microseconds. One more bucket takes the rest.
  static constexpr std::array<int, 14> kBounds = {
      50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000};

  std::array<base::Counter, kBounds.size() + 1> buckets;  // of how long turns took, not cumulative
  base::Counter nanoseconds;                              // of all turns together
  base::Counter budget_hits;                              // handlers that spent their share of a turn

  void Observe(std::chrono::nanoseconds took) {
    size_t bucket = 0;
    while (bucket < kBounds.size() && took > std::chrono::microseconds(kBounds[bucket])) ++bucket;
    buckets[bucket].Add(1);
    nanoseconds.Add(static_cast<uint64_t>(took.count()));
  }
};

}  // namespace hawser::event
