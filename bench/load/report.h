// The results of a run and their output: the window with the CPU time of the observed processes, the
// failures, and one line for people or one line of JSON.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/load/clock.h"
#include "bench/load/cpu_clock.h"
#include "bench/load/histogram.h"
#include "bench/load/options.h"
#include "nlohmann/json.hpp"

namespace hawser::bench {

// The span of time that is measured: opened after the warm-up, closed before the connections are.
class Window {
 public:
  explicit Window(const Options& options) : observe_(options.observe) {}

  void Open();
  void Close();
  bool opened() const { return start_ != 0; }
  bool closed() const { return end_ != 0; }
  bool open() const { return opened() && !closed(); }
  Nanos start() const { return start_; }
  double seconds() const { return ToSeconds(end_ - start_); }
  // False when an observed process was gone at either end.
  bool observed() const { return cpu_start_.has_value() && cpu_end_.has_value(); }
  bool observing() const { return !observe_.empty(); }
  CpuTime cpu() const { return *cpu_end_ - *cpu_start_; }

 private:
  const std::vector<pid_t> observe_;
  Nanos start_ = 0;
  Nanos end_ = 0;
  std::optional<CpuTime> cpu_start_;
  std::optional<CpuTime> cpu_end_;
};

// Reasons and how often each was met.
class Failures {
 public:
  void Add(std::string_view reason, uint64_t times = 1) { counts_[std::string(reason)] += times; }
  bool empty() const { return counts_.empty(); }
  uint64_t total() const;
  const std::map<std::string, uint64_t>& counts() const { return counts_; }

 private:
  std::map<std::string, uint64_t> counts_;
};

// Both print to stdout and flush. `unit` is what the CPU is divided by: "message", "handshake".
void Print(const nlohmann::ordered_json& line, bool json);
nlohmann::ordered_json Latency(const Histogram& histogram);
void AddCpu(nlohmann::ordered_json& line, const Window& window, uint64_t units, std::string_view unit,
            double megabytes);

// Prints the failures on stderr, adds them to `line`, prints that, and returns the exit status.
int Finish(nlohmann::ordered_json line, const Failures& failures, bool json);

}  // namespace hawser::bench
