// Both logs when their reader does not read, and the times in their lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <regex>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

// Answers every request itself, and has its access log at `path`.
std::string Answering(const std::string& path, const std::string& address = "127.0.0.1:0") {
  std::string yaml = Config{.endpoints = {"127.0.0.1:9"},
                            .route = {"direct_response: { status: 200, body: ok }"},
                            .address = address}
                         .Yaml();
  yaml.replace(yaml.find("DIR/access.log"), 14, path);
  return yaml;
}

void GetOnce(HawserProcess& hawser, const std::string& path) {
  Wire client = Wire::Connect(hawser.listener());
  client.Send(PlainGet(path));
  EXPECT_EQ(ReadHead(client).status(), 200);
}

size_t Count(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// Whether every line of `text` is whole; the last one may be on its way.
testing::AssertionResult LinesAreWhole(const std::string& text) {
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    if (!nlohmann::json::accept(line)) return testing::AssertionFailure() << "not a whole line: " << line;
  }
  return testing::AssertionSuccess();
}

std::string ReadNow(int fd) {
  std::string text;
  char piece[4096];
  for (ssize_t got = 0; (got = read(fd, piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<size_t>(got));
  return text;
}

TEST(Logs, AFullDiskIsReportedOnceAndLinesStayWhole) {
  HawserProcess hawser(Answering("DIR/access.log"), 1, {.before = [] {
                         const rlimit room{.rlim_cur = 16'000, .rlim_max = RLIM_INFINITY};
                         setrlimit(RLIMIT_FSIZE, &room);
                       }});
  const std::string path = hawser.directory().File("access.log");
  for (int i = 0; i < 100; ++i) GetOnce(hawser, "/" + std::string(300, 'a'));
  EXPECT_TRUE(hawser.MetricReaches("hawser_access_log_dropped_total", 1));
  EXPECT_EQ(ReadFile(path).size(), 16'000u) << "in the middle of a line";
  const rlimit room{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(prlimit(hawser.process().pid(), RLIMIT_FSIZE, &room, nullptr), 0);
  EXPECT_TRUE(Eventually([&] {
    GetOnce(hawser, "/after");
    return hawser.process().err().find("is written again") != std::string::npos;
  }));
  EXPECT_TRUE(LinesAreWhole(ReadFile(path)));
  const std::string said = hawser.process().err();
  EXPECT_EQ(Count(said, "cannot write to " + path + ": File too large"), 1u) << said;
  const auto lost = static_cast<int>(hawser.Metric("hawser_access_log_dropped_total"));
  EXPECT_THAT(said, HasSubstr("is written again; " + std::to_string(lost) + " lines were lost"));
}

TEST(Logs, HawsersOwnSaysHowManyOfItsLinesWereLost) {
  HawserProcess hawser(Answering("DIR/access.log"), 1, {.before = [] {
                         const rlimit room{.rlim_cur = 4'000, .rlim_max = RLIM_INFINITY};
                         setrlimit(RLIMIT_FSIZE, &room);
                       }});
  EXPECT_TRUE(Eventually([&] {
    hawser.process().Signal(SIGHUP);  // a line
    return hawser.Metric("hawser_log_dropped_total") >= 3;
  }));
  EXPECT_EQ(hawser.process().err().size(), 4'000u) << "in the middle of a line";
  const rlimit room{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(prlimit(hawser.process().pid(), RLIMIT_FSIZE, &room, nullptr), 0);
  EXPECT_TRUE(Eventually([&] {
    hawser.process().Signal(SIGHUP);
    return hawser.process().err().find(" lines of this log were lost\n") != std::string::npos;
  }));
  std::istringstream lines(hawser.process().err());
  const std::regex whole(R"(20\d\d-.*Z (info|warning|error) .*|.*: warning: .*)");
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(std::regex_match(line, whole)) << line;
}

TEST(Logs, AStdoutThatDoesNotBlockGetsWholeLines) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
  const net::Socket reader(fds[0]);
  const net::Socket writer(fds[1]);
  ASSERT_GT(fcntl(fds[1], F_SETPIPE_SZ, 4096), 0);
  HawserProcess hawser(Answering("\"-\", queue: 8"), 1, {.out = fds[1]});
  std::string text;
  for (int i = 0; i < 60; ++i) {
    GetOnce(hawser, "/" + std::string(400, 'a'));
    if (i % 20 == 19) text += ReadNow(reader.fd());
  }
  EXPECT_TRUE(Eventually([&] {
    GetOnce(hawser, "/after");
    text += ReadNow(reader.fd());
    return text.find("/after") != std::string::npos;
  }));
  EXPECT_TRUE(LinesAreWhole(text));
  EXPECT_EQ(fcntl(fds[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK) << "the pipe is its owner's";
}

// As under `2>&1 | shipper`: no line of one log splits a line of the other.
TEST(Logs, BothMayGoIntoOnePipe) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  const net::Socket reader(fds[0]);
  const net::Socket writer(fds[1]);
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  ASSERT_GT(fcntl(fds[1], F_SETPIPE_SZ, 4096), 0);
  const Directory directory;
  const std::string yaml = Answering("\"-\"", "unix:edge.sock");
  Process process(directory, {HawserBinary(), "run", "-c", WriteConfig(directory, "f.yaml", yaml)},
                  {.out = fds[1], .err = fds[1]});
  const std::string address = "unix:" + directory.File("edge.sock");
  std::string text;
  ASSERT_TRUE(Eventually([&] {  // from then on signals are caught
    text += ReadNow(reader.fd());
    return text.find("ready") != std::string::npos;
  }));
  for (int i = 0; i < 50; ++i) {
    Wire client = Wire::Connect(address);
    client.Send(PlainGet("/" + std::string(900, 'a')));
    EXPECT_EQ(ReadHead(client).status(), 200);
    process.Signal(SIGHUP);
    text += ReadNow(reader.fd());
  }
  EXPECT_TRUE(Eventually([&] {
    text += ReadNow(reader.fd());
    return Count(text, "\"event\"") == 50 && text.ends_with('\n');
  }));
  std::istringstream lines(text);
  const std::regex whole(R"(\{".*\}|20\d\d-.*Z (info|warning) .*|.*: warning: .*)");
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(std::regex_match(line, whole)) << line;
}

TEST(Logs, AFifoNeedsNoReaderAndTakesTheNextOne) {
  const Directory directory;
  const std::string fifo = directory.File("log.fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  HawserProcess hawser(Answering(fifo));
  for (const std::string path : {"/first", "/second"}) {
    const net::Socket reader(open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    GetOnce(hawser, path);
    std::string text;
    EXPECT_TRUE(Eventually([&] { return (text += ReadNow(reader.fd())).ends_with('\n'); }));
    EXPECT_THAT(text, HasSubstr(path));
    EXPECT_TRUE(LinesAreWhole(text));
  }
}

TEST(Logs, ADeadSupervisorDoesNotEndTheProcess) {
  for (const bool out : {true, false}) {
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
    net::Socket reader(fds[0]);
    const net::Socket writer(fds[1]);
    const Directory directory;
    const std::string yaml = Answering("\"-\"", "unix:edge.sock");
    Process process(directory, {HawserBinary(), "run", "-c", WriteConfig(directory, "f.yaml", yaml)},
                    {.out = out ? fds[1] : -1, .err = out ? -1 : fds[1]});
    const std::string address = "unix:" + directory.File("edge.sock");
    ASSERT_TRUE(Eventually([&] { return Wire::Connect(address).open(); }));
    reader.Reset();
    process.Signal(SIGHUP);
    for (int i = 0; i < 20; ++i) {
      Wire client = Wire::Connect(address);
      client.Send(PlainGet("/"));
      EXPECT_EQ(ReadHead(client).status(), 200);
    }
    if (out) {
      EXPECT_TRUE(Eventually(
          [&] { return process.err().find("cannot write to stdout: Broken pipe") != std::string::npos; }));
    }
    process.Signal(SIGTERM);
    EXPECT_EQ(process.Wait(), 0);
  }
}

TEST(Logs, ADirectoryIsNoLog) {
  const Directory directory;
  const CommandResult result =
      RunHawser({"run", "-c", WriteConfig(directory, "f.yaml", Answering(directory.path()))});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err,
              ContainsRegex("f.yaml:[0-9]+:[0-9]+: access_log.path: cannot open .*Is a directory"));
}

TEST(Logs, BothHaveUtcTimesWithMilliseconds) {
  HawserProcess hawser(Answering("DIR/access.log"), 1,
                       {.before = [] { putenv(const_cast<char*>("TZ=Asia/Tokyo")); }});
  GetOnce(hawser, "/");
  const std::string theirs = hawser.WaitForLog()["time"];
  const std::string said = hawser.process().err();
  const std::string mine = said.substr(said.rfind('\n', said.find(" ready") - 1) + 1);
  const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  EXPECT_TRUE(std::regex_match(theirs, time)) << theirs;
  EXPECT_TRUE(std::regex_search(mine.begin(), mine.begin() + 24, time)) << mine;
  const auto seconds = [](const std::string& text) {
    std::tm utc{};
    EXPECT_NE(strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc), nullptr);
    return timegm(&utc);
  };
  EXPECT_LT(std::abs(seconds(theirs) - seconds(mine)), 300);
}

}  // namespace
}  // namespace hawser::integration
