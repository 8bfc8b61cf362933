#include "proxy/server/machine.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

#include "gtest/gtest.h"

namespace hawser::server {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// A root folder with the files of control groups.
class Machine : public testing::Test {
 protected:
  Machine() { std::filesystem::remove_all(root_); }
  ~Machine() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  const std::string root_ = testing::TempDir() + "machine_" + std::to_string(getpid());
};

TEST_F(Machine, WithoutControlGroupsTheAffinityAndTheInstalledMemoryCount) {
  EXPECT_GE(AllowedCores(root_), 1);
  EXPECT_GT(MemoryLimit(root_), kMiB);
}

TEST_F(Machine, AQuotaIsRoundedUpToWholeCores) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/cpu.max", "20000 100000\n");
  EXPECT_EQ(AllowedCores(root_), 1);
}

TEST_F(Machine, MaxIsNoBound) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/cpu.max", "max 100000\n");
  Write("/sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(AllowedCores(root_), AllowedCores(root_ + "/nothing"));
  EXPECT_EQ(MemoryLimit(root_), MemoryLimit(root_ + "/nothing"));
}

// As systemd sets CPUQuota= and MemoryMax= on a service, or on the slice that it is in.
TEST_F(Machine, TheLowestLimitOfAllEnclosingGroupsCounts) {
  Write("/proc/self/cgroup", "0::/system.slice/hawser.service\n");
  Write("/sys/fs/cgroup/system.slice/hawser.service/cpu.max", "max 100000\n");
  Write("/sys/fs/cgroup/system.slice/hawser.service/memory.max", "67108864\n");
  Write("/sys/fs/cgroup/system.slice/cpu.max", "50000 100000\n");
  Write("/sys/fs/cgroup/system.slice/memory.max", "134217728\n");
  EXPECT_EQ(AllowedCores(root_), 1);
  EXPECT_EQ(MemoryLimit(root_), 64 * kMiB);
}

TEST_F(Machine, AContainerThatReadsThePathOfItsHostFindsItsOwnRoot) {
  Write("/proc/self/cgroup", "0::/kubepods/pod7/hawser\n");
  Write("/sys/fs/cgroup/cpu.max", "100000 100000\n");
  Write("/sys/fs/cgroup/memory.max", "67108864\n");
  EXPECT_EQ(AllowedCores(root_), 1);
  EXPECT_EQ(MemoryLimit(root_), 64 * kMiB);
}

TEST_F(Machine, ControlGroupsOfVersion1AreReadToo) {
  Write("/proc/self/cgroup", "9:cpuset:/\n4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n0::/\n");
  Write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "100000\n");
  Write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  Write("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "67108864\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(AllowedCores(root_), 1);
  EXPECT_EQ(MemoryLimit(root_), 64 * kMiB);
}

TEST(KeptFiles, AreAFewAndNeverMoreThanAQuarter) {
  EXPECT_EQ(KeptFiles(1'000'000, 8), 48U);
  EXPECT_EQ(KeptFiles(128, 1), 20U);
  EXPECT_EQ(KeptFiles(48, 1), 12U);
  EXPECT_EQ(KeptFiles(0, 1), 0U);
}

}  // namespace
}  // namespace hawser::server
