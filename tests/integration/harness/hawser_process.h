// The real binary as a child process: started with a configuration, asked for its ports, its log and its
// memory, and ended with the test (or with the test's own death).
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/harness/directory.h"

namespace hawser::integration {

// What a child starts with, where that matters.
struct Surroundings {
  int in = -1;  // descriptors for its standard streams; -1: /dev/null, and files of its directory
  int out = -1;
  int err = -1;
  std::function<void()> before = {};        // runs in the child ahead of the program; system calls only
  std::vector<std::string> arguments = {};  // of HawserProcess: more for `hawser run`
};

// A child with its output in files of `directory`.
class Process {
 public:
  Process(const Directory& directory, const std::vector<std::string>& arguments,
          const Surroundings& surroundings = {});
  ~Process();  // SIGKILL, if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Waits for its end: the exit status, or 128 + the signal that ended it; -1 at the deadline.
  int Wait();
  bool running();
  std::string out() const { return ReadFile(out_path_); }
  std::string err() const { return ReadFile(err_path_); }

 private:
  const std::string out_path_;
  const std::string err_path_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct CommandResult {
  int status;
  std::string out;
  std::string err;
};
// The binary under test, which HAWSER names.
std::string HawserBinary();
// It was built with sanitizers: it is slow, and keeps what it frees.
bool IsSanitized();

// `hawser ARGUMENTS...`, to its end.
CommandResult RunHawser(const std::vector<std::string>& arguments, const Surroundings& surroundings = {});

// Writes a configuration, with `directory` in the place of every DIR, and returns its path.
std::string WriteConfig(const Directory& directory, std::string_view name, std::string yaml);

// One line of the JSON access log.
class LogLine {
 public:
  explicit LogLine(std::map<std::string, std::string> values) : values_(std::move(values)) {}

  bool Has(const std::string& field) const { return values_.contains(field); }
  std::string operator[](const std::string& field) const;  // numbers as they are written
  double Number(const std::string& field) const;

 private:
  std::map<std::string, std::string> values_;
};

// `hawser run`. "DIR" in the configuration stands for the directory of the process, where access.log is
// looked for.
class HawserProcess {
 public:
  // Returns when it is ready; a failure if it ends before.
  explicit HawserProcess(const std::string& yaml, int concurrency = 1, const Surroundings& surroundings = {});

  // "127.0.0.1:41233", as the log has said last; a failure if there is none of that name.
  std::string listener(const std::string& name = "main");
  std::string admin();

  // Puts another configuration in the place of the first: a rename, so that nobody reads half of it.
  void Rewrite(const std::string& yaml);
  std::string config_path() const { return directory_.File("hawser.yaml"); }

  Process& process() { return *process_; }
  const Directory& directory() const { return directory_; }
  // The body of an admin page; "" and a failure unless the status is 200.
  std::string AdminPage(const std::string& path);
  // The value of a metric in /stats/prometheus, summed over the series that have all of `labels`; 0 if there
  // is none.
  double Metric(const std::string& name, const std::vector<std::string>& labels = {});
  // Waits for the value: a metric may change a moment after its event.
  testing::AssertionResult MetricIs(const std::string& name, double value,
                                    const std::vector<std::string>& labels = {});
  testing::AssertionResult MetricReaches(const std::string& name, double least,
                                         const std::vector<std::string>& labels = {});
  std::vector<LogLine> Log() const;
  // The first line for which condition(line) holds; a failure at the deadline.
  LogLine WaitForLog(const std::function<bool(const LogLine&)>& condition);
  LogLine WaitForLog() {
    return WaitForLog([](const LogLine&) { return true; });
  }
  size_t ResidentBytes() const;  // VmRSS
  int OpenFiles() const;
  int Threads() const;

 private:
  std::string AnnouncedAddress(const std::string& what);

  Directory directory_;
  std::optional<Process> process_;
};

}  // namespace hawser::integration
