#include "bench/load/report.h"

#include <cstdio>

#include "fmt/format.h"

namespace hawser::bench {
namespace {

double Micros(int64_t nanos) {
  return static_cast<double>(nanos) / 1e3;
}

// {"a": 1.5, "b": {"c": 2}} becomes "a 1.5, b (c 2)".
std::string Flat(const nlohmann::ordered_json& object) {
  std::string text;
  for (const auto& [name, value] : object.items()) {
    if (!text.empty()) text += ", ";
    if (value.is_object()) {
      text += fmt::format("{} ({})", name, Flat(value));
    } else if (value.is_number_float()) {
      text += fmt::format("{} {:.6g}", name, value.get<double>());
    } else {
      text += fmt::format("{} {}", name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return text;
}

}  // namespace

void Window::Open() {
  cpu_start_ = ReadCpu(observe_);
  start_ = Now();
}

void Window::Close() {
  end_ = Now();
  cpu_end_ = ReadCpu(observe_);
}

uint64_t Failures::total() const {
  uint64_t sum = 0;
  for (const auto& [reason, count] : counts_) sum += count;
  return sum;
}

void Print(const nlohmann::ordered_json& line, bool json) {
  const std::string text = json ? line.dump() : Flat(line);
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

nlohmann::ordered_json Latency(const Histogram& histogram) {
  return {{"mean", histogram.mean() / 1e3},
          {"p50", Micros(histogram.Percentile(50))},
          {"p90", Micros(histogram.Percentile(90))},
          {"p99", Micros(histogram.Percentile(99))},
          {"p99.9", Micros(histogram.Percentile(99.9))},
          {"max", Micros(histogram.max())}};
}

void AddCpu(nlohmann::ordered_json& line, const Window& window, uint64_t units, std::string_view unit,
            double megabytes) {
  if (!window.observing() || !window.observed() || units == 0) return;
  const CpuTime cpu = window.cpu();
  const double count = static_cast<double>(units);
  nlohmann::ordered_json figures;
  figures["seconds"] = ToSeconds(cpu.total);
  figures["busy_percent"] = ToSeconds(cpu.total) / window.seconds() * 100;
  figures[fmt::format("us_per_{}", unit)] = Micros(cpu.total) / count;
  figures[fmt::format("user_us_per_{}", unit)] = Micros(cpu.user()) / count;
  if (megabytes > 0) {
    figures["us_per_mb"] = Micros(cpu.total) / megabytes;
    figures["user_us_per_mb"] = Micros(cpu.user()) / megabytes;
  }
  line["cpu"] = figures;
}

int Finish(nlohmann::ordered_json line, const Failures& failures, bool json) {
  line["failures"] = failures.total();
  for (const auto& [reason, count] : failures.counts())
    fmt::print(stderr, "hawser_load: {} x {}\n", count, reason);
  Print(line, json);
  return failures.empty() ? 0 : 1;
}

}  // namespace hawser::bench
