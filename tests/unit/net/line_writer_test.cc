#include "proxy/net/line_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hawser::net::line_writer_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// What a reader gets of a descriptor, up to its end or to `bytes`.
std::string ReadFrom(int fd, size_t bytes = SIZE_MAX) {
  std::string text;
  std::vector<char> piece(64 * 1024);
  while (text.size() < bytes) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&one, 1, 20'000) != 1) break;
    const ssize_t got = read(fd, piece.data(), std::min(piece.size(), bytes - text.size()));
    if (got <= 0) break;
    text.append(piece.data(), static_cast<size_t>(got));
  }
  return text;
}

// A pipe of one page.
struct Pipe {
  explicit Pipe(int flags = 0) {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC | flags), 0);
    read.Reset(fds[0]);
    write.Reset(fds[1]);
    EXPECT_GT(fcntl(fds[1], F_SETPIPE_SZ, PIPE_BUF), 0);
  }
  Socket read;
  Socket write;
};

class LineWriterTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(directory_.data()), nullptr); }
  void TearDown() override {
    unlink(path().c_str());
    rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/log"; }

  std::unique_ptr<LineWriter> Start(Socket file, size_t most_lines = 1000) {
    auto writer = LineWriter::Start(std::move(file), {.thread = "lines", .most_lines = most_lines},
                                    [this](LineWriter::Change change) {
                                      const std::lock_guard lock(mutex_);
                                      changes_.push_back(change.error);
                                      lost_ += change.lost;
                                    });
    EXPECT_TRUE(writer.ok()) << writer.status();
    return std::move(*writer);
  }
  std::vector<int> changes() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  template <class Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(2ms);
    return condition();
  }

  std::string directory_ = testing::TempDir() + "hawser_lines_XXXXXX";
  std::mutex mutex_;
  std::vector<int> changes_;
  uint64_t lost_ = 0;
};

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST_F(LineWriterTest, AppendsToAFileAndWritesAllBeforeItEnds) {
  for (int round = 0; round < 2; ++round) {
    auto file = OpenForLines(path());
    ASSERT_TRUE(file.ok()) << file.status();
    auto writer = Start(std::move(*file));
    for (int i = 0; i < 100; ++i) writer->Write("line\n");
  }
  const Socket file(open(path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(Lines(ReadFrom(file.fd())), std::vector<std::string>(200, "line"));
  struct stat status {};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137U, 0U);
}

TEST_F(LineWriterTest, WhatCannotBeOpenedIsAnError) {
  EXPECT_FALSE(OpenForLines("/nonexistent/log").ok());
  EXPECT_FALSE(OpenForLines(directory_).ok());
}

TEST_F(LineWriterTest, LinesInAFullPipeAreWholeOrMissing) {
  for (const int flags : {0, O_NONBLOCK}) {
    Pipe pipe(flags);
    auto writer = Start(std::move(pipe.write), 8);
    const std::string line(333, 'a');
    for (int i = 0; i < 200; ++i) writer->Write(line + "\n");
    const uint64_t dropped = writer->dropped();
    const size_t bytes = (200 - dropped) * (line.size() + 1);
    std::string text;
    while (text.size() < bytes) {
      const std::string some =
          ReadFrom(pipe.read.fd(), std::min<size_t>(100, bytes - text.size()));  // ends in lines
      ASSERT_FALSE(some.empty());
      text += some;
    }
    writer.reset();
    text += ReadFrom(pipe.read.fd());
    const std::vector<std::string> lines = Lines(text);
    for (const std::string& one : lines) EXPECT_EQ(one, line);
    EXPECT_EQ(lines.size() + dropped, 200U);
    EXPECT_GT(dropped, 0U);
  }
}

TEST_F(LineWriterTest, ALineThatIsLargerThanThePipeArrivesWhole) {
  Pipe pipe;
  auto writer = Start(std::move(pipe.write));
  const std::string line = std::string(5 * PIPE_BUF + 7, 'b') + "\n";
  writer->Write("first\n");
  writer->Write(line);
  writer->Write("last\n");
  EXPECT_EQ(ReadFrom(pipe.read.fd(), 6 + line.size() + 5), "first\n" + line + "last\n");
}

TEST_F(LineWriterTest, EndsWithoutAReader) {
  Pipe pipe;
  auto writer = Start(std::move(pipe.write), 8);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) writer->Write(std::string(400, 'c') + "\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(Eventually([this] { return !changes().empty(); }));
  EXPECT_THAT(changes(), ElementsAre(EAGAIN));
  writer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
  const std::string text = ReadFrom(pipe.read.fd());
  EXPECT_TRUE(text.ends_with('\n')) << "what is there ends with a whole line";
}

TEST_F(LineWriterTest, ALostReaderIsReportedOnce) {
  Pipe pipe;
  pipe.read.Reset();
  auto writer = Start(std::move(pipe.write));
  for (int i = 0; i < 5; ++i) {
    writer->Write("nobody\n");
    EXPECT_TRUE(Eventually([&] { return writer->dropped() == static_cast<uint64_t>(i) + 1; }));
  }
  EXPECT_THAT(changes(), ElementsAre(EPIPE));
}

TEST_F(LineWriterTest, AFullDiskIsReportedOnce) {
  auto writer = Start(Socket(open("/dev/full", O_WRONLY | O_CLOEXEC)));
  for (int i = 0; i < 5; ++i) writer->Write("lost\n");
  EXPECT_TRUE(Eventually([&] { return writer->dropped() == 5; }));
  EXPECT_TRUE(Eventually([this] { return !changes().empty(); }));
  EXPECT_THAT(changes(), ElementsAre(ENOSPC));
}

TEST_F(LineWriterTest, ReportsTheNumberOfLostLinesWhenItWritesAgain) {
  Pipe pipe;
  auto writer = Start(std::move(pipe.write), 4);
  while (writer->dropped() < 3) writer->Write(std::string(1000, 'd') + "\n");
  EXPECT_TRUE(Eventually([this] { return !changes().empty(); }));
  const uint64_t lost = writer->dropped();
  EXPECT_TRUE(Eventually([&] {
    std::string ignored(PIPE_BUF, '\0');
    pollfd one{.fd = pipe.read.fd(), .events = POLLIN, .revents = 0};
    if (poll(&one, 1, 0) == 1) {
      EXPECT_GT(read(one.fd, ignored.data(), ignored.size()), 0);
    }
    writer->Write("again\n");
    return changes().size() == 2;
  }));
  EXPECT_THAT(changes(), ElementsAre(EAGAIN, 0));
  EXPECT_GE(lost_, lost);
  EXPECT_EQ(lost_, writer->dropped());
}

TEST_F(LineWriterTest, AFifoNeedsNoReaderAndReadersMayComeAndGo) {
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  auto file = OpenForLines(path());
  ASSERT_TRUE(file.ok()) << file.status();
  auto writer = Start(std::move(*file));
  for (const std::string line : {"one\n", "two\n"}) {
    writer->Write(line);
    const Socket reader(open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_EQ(ReadFrom(reader.fd(), line.size()), line);
  }
  EXPECT_EQ(writer->dropped(), 0U);
}

TEST_F(LineWriterTest, ASocketIsNeverWaitedFor) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  const Socket reader(fds[0]);
  auto writer = Start(Socket(fds[1]), 4);
  while (writer->dropped() == 0) writer->Write(std::string(10'000, 'e') + "\n");
  writer.reset();
  const std::vector<std::string> lines = Lines(ReadFrom(reader.fd()));
  ASSERT_GT(lines.size(), 2U);
  for (size_t i = 0; i + 1 < lines.size(); ++i) EXPECT_EQ(lines[i], std::string(10'000, 'e'));
}

}  // namespace
}  // namespace hawser::net::line_writer_test
