#include "proxy/stats/process.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace hawser::stats {
namespace {

// Fields of /proc/self/stat behind the command's closing parenthesis (proc(5)): the first is number 3, the
// state.
constexpr size_t kStartTimeField = 22 - 3;
constexpr size_t kVirtualBytesField = 23 - 3;
constexpr size_t kResidentPagesField = 24 - 3;

std::string ReadAll(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

std::vector<std::string> StatFields() {
  const std::string text = ReadAll("/proc/self/stat");
  const size_t command_ends = text.rfind(')');
  if (command_ends == std::string::npos) return {};
  std::istringstream rest(text.substr(command_ends + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::optional<double> Number(const std::vector<std::string>& fields, size_t index) {
  if (index >= fields.size()) return std::nullopt;
  const std::string& text = fields[index];
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

// When the machine started, in seconds since 1970.
std::optional<double> BootTime() {
  std::istringstream lines(ReadAll("/proc/stat"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("btime ")) return Number({line.substr(6)}, 0);
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors() {
  std::error_code error;
  double count = -1;  // the one that reads the folder
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return error ? std::nullopt : std::optional(count);
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

enum Family : uint8_t { kCpu, kOpenFds, kMaxFds, kVirtual, kResident, kStart, kBuild, kFamilyCount };

constexpr std::string_view kVersion[] = {"version"};

// As Prometheus' client libraries name and describe them.
constexpr auto kFamilies = std::to_array<FamilySpec>({
    {"process_cpu_seconds_total", MetricType::kCounter, "User and system CPU time spent in seconds."},
    {"process_open_fds", MetricType::kGauge, "Number of open file descriptors."},
    {"process_max_fds", MetricType::kGauge, "Maximum number of open file descriptors."},
    {"process_virtual_memory_bytes", MetricType::kGauge, "Virtual memory size in bytes."},
    {"process_resident_memory_bytes", MetricType::kGauge, "Resident memory size in bytes."},
    {"process_start_time_seconds", MetricType::kGauge,
     "Start time of the process since unix epoch in seconds."},
    {"hawser_build_info", MetricType::kGauge, "The version that runs, always 1.", kVersion},
});
static_assert(kFamilies.size() == kFamilyCount);

}  // namespace

std::span<const FamilySpec> ProcessFamilies() {
  return kFamilies;
}

std::vector<ExtraSample> ProcessSamples(std::string_view version) {
  std::vector<ExtraSample> samples;
  const auto add = [&samples](Family family, std::optional<double> value) {
    if (value) samples.push_back({.family = kFamilies[family], .value = *value});
  };
  const std::vector<std::string> fields = StatFields();

  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) add(kCpu, Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  add(kOpenFds, OpenDescriptors());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) add(kMaxFds, static_cast<double>(limit.rlim_cur));
  add(kVirtual, Number(fields, kVirtualBytesField));
  if (const auto pages = Number(fields, kResidentPagesField)) {
    add(kResident, *pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  const auto boot = BootTime();
  const auto ticks = Number(fields, kStartTimeField);
  if (boot && ticks) add(kStart, *boot + *ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  samples.push_back({.family = kFamilies[kBuild], .labels = {std::string(version)}, .value = 1});
  return samples;
}

}  // namespace hawser::stats
