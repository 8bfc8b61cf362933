// A reload opens and reads files on the builder's thread alone: neither the main loop nor a worker may wait
// for a disk, or parse what comes from it.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/deadline.h"
#include "tests/integration/harness/hawser_process.h"

namespace hawser::integration::reload_threads_test {
namespace {

using testing::Contains;
using testing::Each;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::StartsWith;

// The threads of a process by their names, "hawser" being the main one.
std::map<std::string, pid_t> ThreadsOf(pid_t process) {
  std::map<std::string, pid_t> threads;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
    std::string name = ReadFile(task.path() / "comm");
    name.erase(name.find_last_not_of('\n') + 1);
    threads[name] = static_cast<pid_t>(std::stol(task.path().filename()));
  }
  return threads;
}

bool OpensAFile(uint64_t call) {
  switch (call) {
#ifdef SYS_open
    case SYS_open:
    case SYS_creat:
#endif
    case SYS_openat:
    case SYS_openat2:
    case SYS_execve: return true;
    default: return false;
  }
}

// Follows the system calls of some threads (ptrace(2)) and notes those that open files.
class OpenWatch {
 public:
  // False: this machine does not allow it.
  bool Follow(const std::string& name, pid_t thread) {
    if (ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACESYSGOOD) != 0) return false;
    ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    threads_.push_back({name, thread});
    return true;
  }
  ~OpenWatch() {
    for (const Thread& thread : threads_) {
      ptrace(PTRACE_INTERRUPT, thread.id, nullptr, nullptr);
      waitpid(thread.id, nullptr, __WALL);
      ptrace(PTRACE_DETACH, thread.id, nullptr, nullptr);
    }
  }

  // Lets those go on that have stopped.
  void Step() {
    for (const Thread& thread : threads_) {
      int status = 0;
      while (waitpid(thread.id, &status, __WALL | WNOHANG) == thread.id && WIFSTOPPED(status)) {
        const bool call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        if (call) Look(thread);
        const bool own = call || (status >> 16) == PTRACE_EVENT_STOP;
        ptrace(PTRACE_SYSCALL, thread.id, nullptr, own ? 0 : WSTOPSIG(status));
      }
    }
  }

  // "worker-0: call 257", in their order.
  const std::vector<std::string>& opens() const { return opens_; }

 private:
  struct Thread {
    std::string name;
    pid_t id;
  };

  void Look(const Thread& thread) {
    __ptrace_syscall_info info{};
    ptrace(PTRACE_GET_SYSCALL_INFO, thread.id, sizeof info, &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    if (OpensAFile(info.entry.nr)) opens_.push_back(fmt::format("{}: call {}", thread.name, info.entry.nr));
  }

  std::vector<Thread> threads_;
  std::vector<std::string> opens_;
};

// What is called `name`: certificates, an access log, a listener, a cluster, and some routes.
std::string Yaml(const Directory& files, const std::string& name) {
  const CertificateFiles pair = MakeCertificate(files, name, {name + ".example"});
  std::string yaml = fmt::format(
      "access_log: {{ path: DIR/{0}.log }}\n"
      "listeners:\n"
      "  - {{ name: main, address: \"127.0.0.1:0\", tls: {{ certificates: [ {{ certificate: {1}, "
      "private_key: {2} }} ] }} }}\n"
      "  - {{ name: {0}, address: \"127.0.0.1:0\" }}\n"
      "clusters:\n"
      "  - {{ name: {0}, tls: {{ ca_file: {1} }}, endpoints: [ \"127.0.0.1:9\" ] }}\n"
      "routes:\n",
      name, pair.certificate, pair.private_key);
  for (int i = 0; i < 10; ++i) {
    yaml += fmt::format("  - {{ match: {{ path: /{0}/{1} }}, cluster: {0} }}\n", name, i);
  }
  return yaml;
}

TEST(ReloadThreads, TheMainLoopAndTheWorkersOpenNoFile) {
  const Directory files;
  HawserProcess hawser(Yaml(files, "one"), 2);
  hawser.Rewrite(Yaml(files, "two"));
  const auto threads = ThreadsOf(hawser.process().pid());
  OpenWatch watch;
  for (const char* name : {"hawser", "builder", "worker-0", "worker-1"}) {
    ASSERT_THAT(threads, Contains(Key(name)));
    if (!watch.Follow(name, threads.at(name))) GTEST_SKIP() << "no ptrace(2) here";
  }
  hawser.process().Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] {
    watch.Step();
    return hawser.process().err().find("reloaded: generation 2") != std::string::npos;
  })) << hawser.process().err();
  EXPECT_THAT(watch.opens(), Not(IsEmpty()));
  EXPECT_THAT(watch.opens(), Each(StartsWith("builder: ")));
}

}  // namespace
}  // namespace hawser::integration::reload_threads_test
