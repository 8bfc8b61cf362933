// The CPU time of other processes, read by the load generator itself at the first and the last instant of its
// measured window, so that nothing outside the window counts. The total is the scheduler's own figure
// (nanoseconds, threads that ended included); the share of user code comes from the kernel's ticks and is
// exact only over seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <sys/types.h>

namespace hawser::bench {

struct CpuTime {
  int64_t total = 0;  // nanoseconds, user and system
  int64_t user_ticks = 0;
  int64_t system_ticks = 0;

  CpuTime operator-(const CpuTime& start) const;
  // The user part of `total`, nanoseconds.
  int64_t user() const;
};

// The sum over `processes`; nothing when one of them is gone.
std::optional<CpuTime> ReadCpu(const std::vector<pid_t>& processes);

}  // namespace hawser::bench
