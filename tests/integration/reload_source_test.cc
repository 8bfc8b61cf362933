// Where a configuration comes from that cannot be read again, and what a reload does with the files of Unix
// sockets.
#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/harness/deadline.h"
#include "tests/integration/harness/hawser_process.h"
#include "tests/integration/harness/http.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration::reload_source_test {
namespace {

using testing::HasSubstr;

const std::string kRoutes =
    "routes:\n  - { name: up, match: { path: /up }, direct_response: { status: 200, body: up } }\n";
const std::string kMain = "listeners:\n  - { name: main, address: \"127.0.0.1:0\" }\n";

testing::AssertionResult Tells(Process& process, const std::string& words) {
  if (Eventually([&] { return process.err().find(words) != std::string::npos; })) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "no \"" << words << "\" in\n" << process.err();
}

int Ask(const std::string& address) {
  Wire wire = Wire::Connect(address);
  wire.Send(PlainGet("/up"));
  return ReadHead(wire).status();
}

mode_t ModeOf(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? file.st_mode & 0777 : 0;
}

TEST(ReloadSource, StdinCannotBeReadAgain) {
  const Directory directory;
  const int in = open(directory.Write("in.yaml", kMain + kRoutes).c_str(), O_RDONLY | O_CLOEXEC);
  Process process(directory, {HawserBinary(), "run", "-"}, {.in = in});
  close(in);
  ASSERT_TRUE(Tells(process, " ready\n"));
  process.Signal(SIGHUP);
  EXPECT_TRUE(Tells(process, "there is nothing to reload: the configuration was read from stdin"));
  EXPECT_TRUE(process.running());
}

TEST(ReloadSource, StdinCannotBeWatched) {
  const CommandResult watch = RunHawser({"run", "--watch", "-"});
  EXPECT_EQ(watch.status, 2);
  EXPECT_THAT(watch.err, HasSubstr("hawser: --watch needs a file, not stdin\n"));
}

TEST(ReloadSource, TheDemoHasNothingToReload) {
  const Directory directory;
  Process process(directory, {HawserBinary(), "demo", "--port", "0"});
  ASSERT_TRUE(Tells(process, " ready\n"));
  process.Signal(SIGHUP);
  EXPECT_TRUE(Tells(process, "there is nothing to reload: the demo has a configuration of its own"));
  EXPECT_TRUE(process.running());
}

TEST(ReloadSource, FilesOfUnixSocketsComeAndStayAndGo) {
  HawserProcess hawser(kMain + kRoutes, 2);
  const std::string file = hawser.directory().File("s.sock");
  const auto with = [&file](const std::string& mode) {
    return kMain + "  - { name: file, address: \"unix:" + file + "\", mode: \"" + mode + "\" }\n" + kRoutes;
  };
  const auto reload = [&hawser](const std::string& yaml, int generation) {
    hawser.Rewrite(yaml);
    hawser.process().Signal(SIGHUP);
    EXPECT_TRUE(Tells(hawser.process(), "reloaded: generation " + std::to_string(generation)));
  };
  reload(with("0600"), 2);
  EXPECT_EQ(Ask("unix:" + file), 200);
  EXPECT_EQ(ModeOf(file), 0600U);
  reload(with("0660"), 3);
  EXPECT_EQ(Ask("unix:" + file), 200);
  EXPECT_EQ(ModeOf(file), 0660U);
  reload(kMain + kRoutes, 4);
  EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(file); }));
}

TEST(ReloadSource, AReloadThatFailsLeavesNoFile) {
  FakeBackend other;
  HawserProcess hawser(kMain + kRoutes);
  const std::string file = hawser.directory().File("new.sock");
  hawser.Rewrite(kMain + "  - { name: file, address: \"unix:" + file + "\" }\n" +
                 "  - { name: taken, address: \"" + other.address() + "\" }\n" + kRoutes);
  hawser.process().Signal(SIGHUP);
  EXPECT_TRUE(Tells(hawser.process(), "listeners[2].address: cannot bind " + other.address()));
  EXPECT_TRUE(Tells(hawser.process(), "reload failed: generation 1 goes on"));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(Ask(hawser.listener()), 200);
}

}  // namespace
}  // namespace hawser::integration::reload_source_test
