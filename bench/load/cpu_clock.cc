#include "bench/load/cpu_clock.h"

#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

#include "fmt/format.h"

namespace hawser::bench {
namespace {

bool AddTotal(pid_t process, CpuTime& sum) {
  clockid_t clock;
  timespec time;
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return false;
  sum.total += time.tv_sec * 1'000'000'000 + time.tv_nsec;
  return true;
}

// Fields 14 and 15 of proc(5)'s stat. The second field is the command in parentheses and may hold anything.
bool AddTicks(pid_t process, CpuTime& sum) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string line;
  if (!std::getline(file, line)) return false;
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  if (!(fields >> user >> system)) return false;
  sum.user_ticks += user;
  sum.system_ticks += system;
  return true;
}

}  // namespace

CpuTime CpuTime::operator-(const CpuTime& start) const {
  return {total - start.total, user_ticks - start.user_ticks, system_ticks - start.system_ticks};
}

int64_t CpuTime::user() const {
  const int64_t ticks = user_ticks + system_ticks;
  if (ticks <= 0) return 0;
  return static_cast<int64_t>(static_cast<double>(total) * static_cast<double>(user_ticks) /
                              static_cast<double>(ticks));
}

std::optional<CpuTime> ReadCpu(const std::vector<pid_t>& processes) {
  CpuTime sum;
  for (const pid_t process : processes) {
    if (!AddTotal(process, sum) || !AddTicks(process, sum)) return std::nullopt;
  }
  return sum;
}

}  // namespace hawser::bench
