#include "proxy/stats/process.h"

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

using Type = ExtraSample::Type;

// Fields of /proc/self/stat behind the command's closing parenthesis (proc(5)): the first is number 3, the state.
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

}  // namespace

std::vector<ExtraSample> ProcessSamples(std::string_view version) {
  std::vector<ExtraSample> samples;
  const auto add = [&samples](const char* name, const char* help, Type type, std::optional<double> value) {
    if (value) samples.push_back({.name = name, .help = help, .type = type, .labels = {}, .value = *value});
  };
  const std::vector<std::string> fields = StatFields();

  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    add("process_cpu_seconds_total", "User and system CPU time spent in seconds.", Type::kCounter,
        Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  add("process_open_fds", "Number of open file descriptors.", Type::kGauge, OpenDescriptors());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    add("process_max_fds", "Maximum number of open file descriptors.", Type::kGauge,
        static_cast<double>(limit.rlim_cur));
  }
  add("process_virtual_memory_bytes", "Virtual memory size in bytes.", Type::kGauge,
      Number(fields, kVirtualBytesField));
  if (const auto pages = Number(fields, kResidentPagesField)) {
    add("process_resident_memory_bytes", "Resident memory size in bytes.", Type::kGauge,
        *pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  const auto boot = BootTime();
  const auto ticks = Number(fields, kStartTimeField);
  if (boot && ticks) {
    add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", Type::kGauge,
        *boot + *ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  }
  samples.push_back({.name = "hawser_build_info",
                     .help = "The version that runs; always 1.",
                     .type = Type::kGauge,
                     .labels = {{"version", std::string(version)}},
                     .value = 1});
  return samples;
}

}  // namespace hawser::stats
