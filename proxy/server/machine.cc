#include "proxy/server/machine.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace hawser::server {
namespace {

struct Group {
  std::string folder;
  bool unified;  // of version 2
};

// "cpu" in "cpu,cpuacct".
bool Lists(std::string_view controllers, std::string_view controller) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == controller) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// The control groups that bound this process by `controller`: its own and all that contain it (cgroups(7)). A
// container without a namespace of its own reads a path of its host, and sees only the last folder of it, as
// its root. So every folder of the path is tried; one that is not there has no file to read.
std::vector<Group> GroupsOf(std::string_view controller, const std::string& root) {
  std::vector<Group> groups;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line;
       std::getline(file, line);) {  // "4:cpu,cpuacct:/docker/1", "0::/system.slice/hawser.service"
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !Lists(controllers, controller)) continue;
    const std::string mount =
        root + "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + std::string(controller));
    for (std::string path = line.substr(second + 1); !path.empty(); path.erase(path.rfind('/'))) {
      if (path.find('/') == std::string::npos) break;
      if (path != "/") groups.push_back({mount + path, controllers.empty()});
    }
    groups.push_back({mount, controllers.empty()});
  }
  return groups;
}

template <typename Value>
std::optional<Value> ReadFrom(const std::string& path) {
  std::ifstream file(path);
  Value value;
  return file >> value ? std::optional(value) : std::nullopt;
}

// In cores. "150000 100000" in cpu.max (microseconds of a period) is one and a half; "max 100000" is no
// bound, as is -1 in the file of version 1.
std::optional<double> QuotaOf(const Group& group) {
  double quota = -1;
  double period = 0;
  if (group.unified) {
    std::ifstream file(group.folder + "/cpu.max");
    if (!(file >> quota >> period)) return std::nullopt;
  } else {
    quota = ReadFrom<double>(group.folder + "/cpu.cfs_quota_us").value_or(-1);
    period = ReadFrom<double>(group.folder + "/cpu.cfs_period_us").value_or(0);
  }
  return quota > 0 && period > 0 ? std::optional(quota / period) : std::nullopt;
}

}  // namespace

int AllowedCores(const std::string& root) {
  cpu_set_t set;
  double cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  for (const Group& group : GroupsOf("cpu", root))
    cores = std::min(cores, std::ceil(QuotaOf(group).value_or(cores)));
  return std::max(static_cast<int>(cores), 1);
}

uint64_t RaiseOpenFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

uint64_t KeptFiles(uint64_t open_files, size_t workers) {
  return std::min<uint64_t>(16 + 4 * workers, open_files / 4);
}

std::string AdviceFor(const absl::Status& status) {
  const bool files = status.message().find(std::strerror(EMFILE)) != std::string::npos;
  return files ? "expected a higher limit of open files (ulimit -n, LimitNOFILE) or fewer workers "
                 "(--concurrency)"
               : "";
}

uint64_t MemoryLimit(const std::string& root) {
  uint64_t bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  for (const Group& group : GroupsOf("memory", root)) {
    // "max" is no number and no bound; version 1 writes a number above all memory instead.
    const auto limit =
        ReadFrom<uint64_t>(group.folder + (group.unified ? "/memory.max" : "/memory.limit_in_bytes"));
    if (limit.value_or(0) > 0) bytes = std::min(bytes, *limit);
  }
  return bytes;
}

}  // namespace hawser::server
