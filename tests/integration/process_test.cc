// The process and its environment: standard streams that are stuck, full, closed or gone, signals at any
// time, low limits. It serves or reports why not, and can always be ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct Pipe {
  explicit Pipe(int flags = 0) {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC | flags), 0);
    read.Reset(fds[0]);
    write.Reset(fds[1]);
    EXPECT_GT(fcntl(fds[1], F_SETPIPE_SZ, 4096), 0);
  }
  net::Socket read;
  net::Socket write;
};

net::Socket OpenToWrite(const char* path) {
  return net::Socket(open(path, O_WRONLY | O_CLOEXEC));
}

// hawser that answers all requests itself, on a Unix socket, so that nobody has to read its stderr for a
// port.
class Server {
 public:
  explicit Server(const Surroundings& surroundings, const std::string& log = "\"-\"", int workers = 1,
                  const std::vector<std::string>& more = {})
      : yaml_(WriteConfig(directory_, "hawser.yaml", Yaml(log, more))),
        process_(
            directory_,
            {HawserBinary(), "run", "-l", "trace", "-c", yaml_, "--concurrency", std::to_string(workers)},
            surroundings) {}

  // Whether it takes connections, or has ended.
  bool Serves() {
    return Eventually([this] { return Wire::Connect(address()).open() || !process_.running(); }) &&
           process_.running();
  }
  int Get(const std::string& path) {
    Wire client = Wire::Connect(address());
    client.Send(PlainGet(path));
    return ReadHead(client).status();
  }
  std::string address() const { return "unix:" + directory_.File("edge.sock"); }
  const Directory& directory() const { return directory_; }
  Process& process() { return process_; }

 private:
  static std::string Yaml(const std::string& log, const std::vector<std::string>& more) {
    std::string yaml = Config{.endpoints = {"127.0.0.1:9"},
                              .route = {"direct_response: { status: 200, body: ok }"},
                              .top = {"drain: { window: 0s, deadline: 500ms }"},
                              .address = "unix:edge.sock"}
                           .Yaml();
    yaml.replace(yaml.find("DIR/access.log"), 14, log);
    for (const std::string& lines : more) yaml += lines;
    return yaml;
  }

  Directory directory_;
  const std::string yaml_;
  Process process_;
};

bool RunsHawser(const Process& process) {
  return Eventually(
      [&] { return ReadFile(fmt::format("/proc/{}/comm", process.pid())).starts_with("hawser"); });
}

TEST(ProcessEnd, ACheckThatWaitsForItsFileEndsOnASignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Directory directory;
    const Pipe pipe;
    Process check(directory, {HawserBinary(), "check", "-c", "/dev/stdin"}, {.in = pipe.read.fd()});
    ASSERT_TRUE(RunsHawser(check));
    check.Signal(signal);
    EXPECT_EQ(check.Wait(), 128 + signal);
  }
}

// Some supervisors start their children so, by mistake.
TEST(ProcessEnd, ComesThoughSignalsWereBlockedBeforeTheStart) {
  const Surroundings blocked{.before = [] {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
  }};
  const Directory directory;
  const Pipe pipe;
  Process check(directory, {HawserBinary(), "check", "-c", "/dev/stdin"},
                {.in = pipe.read.fd(), .before = blocked.before});
  check.Signal(SIGTERM);
  EXPECT_EQ(check.Wait(), 128 + SIGTERM);
  Server server(blocked);
  ASSERT_TRUE(server.Serves());
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 0);
}

TEST(ProcessEnd, AStartThatWaitsForItsFileEndsOnASignal) {
  const Directory directory;
  const std::string fifo = directory.File("hawser.yaml");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Process run(directory, {HawserBinary(), "run", "-c", fifo});
  ASSERT_TRUE(RunsHawser(run));
  run.Signal(SIGTERM);
  EXPECT_EQ(run.Wait(), 128 + SIGTERM);
}

TEST(ProcessEnd, ComesWithoutAReaderOfItsOutput) {
  for (const bool out : {true, false}) {
    const Pipe pipe;
    Server server({.out = out ? pipe.write.fd() : -1, .err = out ? -1 : pipe.write.fd()});
    ASSERT_TRUE(server.Serves());
    for (int i = 0; i < 60; ++i) {
      EXPECT_EQ(server.Get("/" + std::string(300, 'a')), 200);
      server.process().Signal(SIGHUP);  // a line on stderr
    }
    server.process().Signal(SIGTERM);
    EXPECT_EQ(server.process().Wait(), 0) << (out ? "stdout" : "stderr");
  }
}

TEST(ProcessStart, ServesWithoutAReaderOfItsWarnings) {
  const std::vector<std::string> warning = {"  - { name: unused, endpoints: [ 127.0.0.1:9 ] }\n"};
  const net::Socket full = OpenToWrite("/dev/full");
  Pipe gone;
  gone.read.Reset();
  const Pipe stuck(O_NONBLOCK);
  while (write(stuck.write.fd(), "x", 1) == 1) continue;
  for (const int err : {full.fd(), gone.write.fd(), stuck.write.fd()}) {
    Server server({.err = err}, "\"-\"", 1, warning);
    EXPECT_TRUE(server.Serves());
    EXPECT_EQ(server.Get("/"), 200);
  }
  // It may block as well, and its reader may have gone to sleep before the start.
  fcntl(stuck.write.fd(), F_SETFL, 0);
  Server server({.err = stuck.write.fd()}, "\"-\"", 1, warning);
  EXPECT_TRUE(server.Serves());
}

TEST(ProcessStart, NoSocketTakesThePlaceOfAClosedStream) {
  Server server({.before = [] {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
  }});
  ASSERT_TRUE(server.Serves());
  for (int fd = 0; fd <= 2; ++fd) {
    char target[64] = {};
    const std::string link = fmt::format("/proc/{}/fd/{}", server.process().pid(), fd);
    ASSERT_GT(readlink(link.c_str(), target, sizeof target - 1), 0);
    EXPECT_STREQ(target, "/dev/null");
  }
  EXPECT_EQ(server.Get("/"), 200);
}

TEST(ProcessStart, ThreadsThatCannotBeStartedAreReportedBeforeItIsReady) {
  if (IsSanitized()) GTEST_SKIP() << "sanitizers reserve all of the address space";
  Server server({.before =
                     [] {
                       const rlimit little{.rlim_cur = 256 << 20, .rlim_max = 256 << 20};
                       setrlimit(RLIMIT_AS, &little);
                     }},
                "\"-\"", 64);
  EXPECT_EQ(server.process().Wait(), 1);
  EXPECT_THAT(server.process().err(), ContainsRegex("cannot start the thread worker-[0-9]+: "));
  EXPECT_THAT(server.process().err(), Not(HasSubstr(" ready")));
}

TEST(ProcessStart, ALackOfMemoryIsReportedInOneLine) {
  if (IsSanitized()) GTEST_SKIP() << "sanitizers reserve all of the address space";
  Server server({.before =
                     [] {
                       const rlimit little{.rlim_cur = 256 << 20, .rlim_max = 256 << 20};
                       setrlimit(RLIMIT_AS, &little);
                     }},
                "\"-\"", 1000);
  EXPECT_EQ(server.process().Wait(), 1);
  EXPECT_THAT(server.process().err(), HasSubstr("hawser: out of memory"));
}

TEST(Commands, EndOrderlyWhenTheirOutputCannotBeWritten) {
  const Directory directory;
  const net::Socket full = OpenToWrite("/dev/full");
  Pipe gone;
  gone.read.Reset();
  const auto status = [&](const std::vector<std::string>& arguments, const Surroundings& surroundings) {
    std::vector<std::string> all{HawserBinary()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return Process(directory, all, surroundings).Wait();
  };
  for (const int out : {full.fd(), gone.write.fd()}) {
    EXPECT_EQ(status({"schema"}, {.out = out}), 1);
    EXPECT_EQ(status({"schema", "--format", "markdown"}, {.out = out}), 1);
    EXPECT_EQ(status({"version"}, {.out = out}), 1);
    EXPECT_EQ(status({"--help"}, {.out = out}), 0);
    EXPECT_EQ(status({"check", "-c", directory.File("missing.yaml")}, {.out = out, .err = out}), 1);
    EXPECT_EQ(status({"run"}, {.out = out, .err = out}), 2);
  }
}

TEST(Commands, WriteAllIntoAPipeThatDoesNotBlock) {
  const Directory directory;
  const Pipe pipe(O_NONBLOCK);
  Process schema(directory, {HawserBinary(), "schema", "--format", "markdown"}, {.out = pipe.write.fd()});
  std::string text;
  while (schema.running() || text.empty()) {
    char piece[4096];
    const ssize_t got = read(pipe.read.fd(), piece, sizeof piece);
    if (got > 0) text.append(piece, static_cast<size_t>(got));
  }
  char piece[4096];
  if (const ssize_t got = read(pipe.read.fd(), piece, sizeof piece); got > 0)
    text.append(piece, static_cast<size_t>(got));
  EXPECT_EQ(schema.Wait(), 0);
  EXPECT_EQ(text, RunHawser({"schema", "--format", "markdown"}).out);
}

}  // namespace
}  // namespace hawser::integration
