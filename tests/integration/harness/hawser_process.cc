#include "tests/integration/harness/hawser_process.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/http.h"

namespace hawser::integration {
namespace {

// Between fork and exec: nothing here allocates.
[[noreturn]] void BecomeChild(char* const* arguments, const char* out, const char* err,
                              const Surroundings& given) {
  constexpr int kNewFile = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(given.in >= 0 ? given.in : open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(given.out >= 0 ? given.out : open(out, kNewFile, 0600), STDOUT_FILENO);
  dup2(given.err >= 0 ? given.err : open(err, kNewFile, 0600), STDERR_FILENO);
  if (given.before) given.before();
  execv(arguments[0], arguments);
  _exit(127);
}

std::string ReplaceAll(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string HawserBinary() {
  const char* path = std::getenv("HAWSER");
  if (path != nullptr) return path;
  ADD_FAILURE() << "HAWSER is to name the binary under test";
  return "/bin/false";
}

Process::Process(const Directory& directory, const std::vector<std::string>& arguments,
                 const Surroundings& surroundings)
    : out_path_(directory.File("stdout")), err_path_(directory.File("stderr")) {
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) BecomeChild(pointers.data(), out_path_.c_str(), err_path_.c_str(), surroundings);
}

Process::~Process() {
  if (!running()) return;
  Signal(SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
}

void Process::Signal(int signal) const {
  kill(pid_, signal);
}

bool Process::running() {
  if (status_.has_value()) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

int Process::Wait() {
  if (!Eventually([this] { return !running(); })) return -1;
  return *status_;
}

bool IsSanitized() {
  static const bool sanitized = [] {
    const std::string program = ReadFile(HawserBinary());
    return program.find("libasan.so") != std::string::npos || program.find("libtsan.so") != std::string::npos;
  }();
  return sanitized;
}

CommandResult RunHawser(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
  const Directory directory;
  std::vector<std::string> all{HawserBinary()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  Process process(directory, all, surroundings);
  const int status = process.Wait();
  return {.status = status, .out = process.out(), .err = process.err()};
}

std::string LogLine::operator[](const std::string& field) const {
  const auto found = values_.find(field);
  EXPECT_NE(found, values_.end()) << "no field " << field << " in the log line";
  return found == values_.end() ? "" : found->second;
}

double LogLine::Number(const std::string& field) const {
  return std::strtod((*this)[field].c_str(), nullptr);
}

std::string WriteConfig(const Directory& directory, std::string_view name, std::string yaml) {
  return directory.Write(name, ReplaceAll(std::move(yaml), "DIR", directory.path()));
}

HawserProcess::HawserProcess(const std::string& yaml, int concurrency, const Surroundings& surroundings) {
  const std::string file = WriteConfig(directory_, "hawser.yaml", yaml);
  std::vector<std::string> arguments{HawserBinary(), "run",           "-c",
                                     file,           "--concurrency", std::to_string(concurrency)};
  arguments.insert(arguments.end(), surroundings.arguments.begin(), surroundings.arguments.end());
  process_.emplace(directory_, arguments, surroundings);
  const auto ready = [this] {
    for (const std::string& line : Lines(process_->err())) {
      if (line == "ready" || line.ends_with(" ready")) return true;
    }
    return !process_->running();
  };
  if (!Eventually(ready) || !process_->running()) {
    ADD_FAILURE() << "hawser did not start:\n" << process_->err() << process_->out() << "with\n" << yaml;
  }
}

void HawserProcess::Rewrite(const std::string& yaml) {
  std::filesystem::rename(WriteConfig(directory_, "hawser.yaml.new", yaml), config_path());
}

// Of the last line "<what> on ADDRESS ...".
std::string HawserProcess::AnnouncedAddress(const std::string& what) {
  const std::string text = process_->err();
  const std::string mark = what + " on ";
  const size_t at = text.rfind(mark);
  if (at != std::string::npos) {
    const std::string rest = text.substr(at + mark.size());
    return rest.substr(0, rest.find(' '));
  }
  ADD_FAILURE() << "no '" << mark << "' in\n" << text;
  return "";
}

std::string HawserProcess::listener(const std::string& name) {
  return AnnouncedAddress("listener " + name);
}
std::string HawserProcess::admin() {
  return AnnouncedAddress("admin");
}

std::string HawserProcess::AdminPage(const std::string& path) {
  Wire wire = Wire::Connect(admin());
  wire.Send(AdminGet(path, {{"Connection", "close"}}));
  const Head head = ReadHead(wire);
  EXPECT_EQ(head.status(), 200) << path;
  return ReadBody(wire, head);
}

double HawserProcess::Metric(const std::string& name, const std::vector<std::string>& labels) {
  double sum = 0;
  for (const std::string& line : Lines(AdminPage("/stats/prometheus"))) {
    const size_t end = line.find_first_of("{ ");
    if (line.substr(0, end) != name) continue;
    const bool all = std::all_of(labels.begin(), labels.end(), [&line](const std::string& label) {
      return line.find(label) != std::string::npos;
    });
    if (all) sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

testing::AssertionResult HawserProcess::MetricIs(const std::string& name, double value,
                                                 const std::vector<std::string>& labels) {
  double seen = 0;
  if (Eventually([&] { return (seen = Metric(name, labels)) == value; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << name << " is " << seen << " and not " << value;
}

testing::AssertionResult HawserProcess::MetricReaches(const std::string& name, double least,
                                                      const std::vector<std::string>& labels) {
  double seen = 0;
  if (Eventually([&] { return (seen = Metric(name, labels)) >= least; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << name << " is " << seen << " and not yet " << least;
}

std::vector<LogLine> HawserProcess::Log() const {
  std::vector<LogLine> lines;
  const std::string content = ReadFile(directory_.File("access.log"));
  for (const std::string& text : Lines(content.substr(0, content.rfind('\n') + 1))) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    EXPECT_TRUE(json.is_object()) << "not a JSON object: " << text;
    if (!json.is_object()) continue;
    std::map<std::string, std::string> values;
    for (const auto& [name, value] : json.items()) {
      values[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    lines.emplace_back(std::move(values));
  }
  return lines;
}

LogLine HawserProcess::WaitForLog(const std::function<bool(const LogLine&)>& condition) {
  std::optional<LogLine> found;
  const auto look = [&] {
    for (const LogLine& line : Log()) {
      if (!condition(line)) continue;
      found = line;
      return true;
    }
    return false;
  };
  if (!Eventually(look)) {
    ADD_FAILURE() << "no such line in the access log:\n" << ReadFile(directory_.File("access.log"));
    return LogLine({});
  }
  return *found;
}

size_t HawserProcess::ResidentBytes() const {
  for (const std::string& line : Lines(ReadFile(fmt::format("/proc/{}/status", process_->pid())))) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

int HawserProcess::OpenFiles() const {
  std::error_code ignored;
  std::filesystem::directory_iterator entries(fmt::format("/proc/{}/fd", process_->pid()), ignored);
  return static_cast<int>(std::distance(begin(entries), end(entries)));
}

int HawserProcess::Threads() const {
  std::error_code ignored;
  std::filesystem::directory_iterator entries(fmt::format("/proc/{}/task", process_->pid()), ignored);
  return static_cast<int>(std::distance(begin(entries), end(entries)));
}

}  // namespace hawser::integration
