// SIGHUP and --watch: the file is read again, and takes over as a whole or not at all.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/harness/deadline.h"
#include "tests/integration/harness/hawser_process.h"
#include "tests/integration/harness/http.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration::reload_test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Answers(const std::string& path) {
  return "  - { name: " + path + ", match: { path: /" + path +
         " }, direct_response: { status: 200, body: \"" + path + "\" } }\n";
}

std::string Yaml(const std::vector<std::string>& routes, const std::string& listeners = "",
                 const std::string& top = "") {
  std::string yaml = "admin: { address: \"127.0.0.1:0\" }\n" + top +
                     "listeners:\n  - { name: main, address: \"127.0.0.1:0\" }\n" + listeners + "routes:\n";
  for (const std::string& route : routes) yaml += Answers(route);
  return yaml;
}

// The answer to a GET on a new connection.
int Ask(const std::string& address, const std::string& path) {
  Wire wire = Wire::Connect(address);
  wire.Send(PlainGet("/" + path));
  return ReadHead(wire).status();
}

class ReloadTest : public testing::Test {
 protected:
  // Sends SIGHUP and waits for a line of the log that has `words` behind those there are.
  testing::AssertionResult Reload(HawserProcess& hawser, const std::string& words) {
    const size_t before = hawser.process().err().size();
    hawser.process().Signal(SIGHUP);
    return Tells(hawser, before, words);
  }
  static testing::AssertionResult Tells(HawserProcess& hawser, size_t before, const std::string& words) {
    const auto told = [&] { return hawser.process().err().find(words, before) != std::string::npos; };
    if (Eventually(told)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no \"" << words << "\" in\n" << hawser.process().err();
  }
};

TEST_F(ReloadTest, SighupTakesTheRoutesOfTheNewFile) {
  HawserProcess hawser(Yaml({"one", "two"}), 2);
  const std::string address = hawser.listener();
  EXPECT_EQ(Ask(address, "one"), 200);
  EXPECT_EQ(Ask(address, "three"), 404);
  hawser.Rewrite(Yaml({"two", "three"}));
  EXPECT_TRUE(Reload(hawser,
                     "reloaded: generation 2: listeners +0 -0 ~0, routes +1 -1 ~0, "
                     "clusters +0 -0 ~0, certificates +0 -0 ~0"));
  EXPECT_EQ(Ask(address, "one"), 404);
  EXPECT_EQ(Ask(address, "two"), 200);
  EXPECT_EQ(Ask(address, "three"), 200);
}

TEST_F(ReloadTest, AConnectionThatIsOpenAsksTheNewRoutes) {
  HawserProcess hawser(Yaml({"one"}));
  Wire wire = Wire::Connect(hawser.listener());
  const auto ask = [&wire](const std::string& path) {
    wire.Send(PlainGet("/" + path));
    const Head head = ReadHead(wire);
    ReadBody(wire, head);
    return head.status();
  };
  EXPECT_EQ(ask("one"), 200);
  EXPECT_EQ(ask("two"), 404);
  hawser.Rewrite(Yaml({"two"}));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 2"));
  EXPECT_EQ(ask("two"), 200);
  EXPECT_EQ(ask("one"), 404);
}

TEST_F(ReloadTest, NothingIsTouchedWhereNothingHasChanged) {
  HawserProcess hawser(Yaml({"one"}));
  EXPECT_TRUE(Reload(hawser, "reload: nothing has changed: generation 1 goes on"));
  hawser.Rewrite("# A comment is no change.\n" + Yaml({"one"}));
  EXPECT_TRUE(Reload(hawser, "reload: nothing has changed: generation 1 goes on"));
}

TEST_F(ReloadTest, AnyErrorAndTheOldConfigurationGoesOn) {
  HawserProcess hawser(Yaml({"one"}));
  const std::string address = hawser.listener();
  hawser.Rewrite("listeners: [ { name: main, adress: 1 } ]\nroutes: [ { match: { path: one } } ]\n");
  EXPECT_TRUE(Reload(hawser, "reload failed: generation 1 goes on"));
  const std::string log = hawser.process().err();
  EXPECT_THAT(log,
              HasSubstr("/hawser.yaml:1:28: listeners[0].adress: unknown key; did you mean \"address\"?"));
  EXPECT_THAT(log, HasSubstr("/hawser.yaml:2:"));
  EXPECT_EQ(Ask(address, "one"), 200);
  std::filesystem::remove(hawser.config_path());
  EXPECT_TRUE(Reload(hawser, "cannot be read: No such file or directory"));
  EXPECT_EQ(Ask(address, "one"), 200);
  hawser.Rewrite(Yaml({"two"}));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 2"));
  EXPECT_EQ(Ask(address, "two"), 200);
}

TEST_F(ReloadTest, APortInUseLeavesNoTrace) {
  FakeBackend other;
  HawserProcess hawser(Yaml({"one"}));
  const std::string address = hawser.listener();
  const std::string file = hawser.directory().File("new.sock");
  hawser.Rewrite(Yaml({"two"}, "  - { name: file, address: \"unix:" + file + "\" }\n" +
                                   "  - { name: taken, address: \"" + other.address() + "\" }\n"));
  EXPECT_TRUE(Reload(hawser, "reload failed"));
  EXPECT_THAT(hawser.process().err(), HasSubstr("listeners[2].address: cannot bind " + other.address()));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(Ask(address, "one"), 200);
}

TEST_F(ReloadTest, ListenersComeAndGo) {
  HawserProcess hawser(Yaml({"one"}), 2);
  const std::string main = hawser.listener();
  const std::string file = hawser.directory().File("s.sock");
  hawser.Rewrite(Yaml({"one"}, "  - { name: file, address: \"unix:" + file +
                                   "\" }\n"
                                   "  - { name: more, address: \"127.0.0.1:0\" }\n"));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 2: listeners +2 -0 ~0"));
  const std::string more = hawser.listener("more");
  EXPECT_EQ(Ask(more, "one"), 200);
  EXPECT_EQ(Ask("unix:" + file, "one"), 200);
  hawser.Rewrite(Yaml({"one"}));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 3: listeners +0 -2 ~0"));
  EXPECT_EQ(Ask(main, "one"), 200);
  EXPECT_TRUE(Eventually([&] { return !Wire::Connect(more).open() && !std::filesystem::exists(file); }));
}

TEST_F(ReloadTest, ListenersThatSwapAddressesSwapSockets) {
  const auto swapped = [](const std::string& a, const std::string& b) {
    return "listeners:\n  - { name: a, address: \"" + a + "\" }\n  - { name: b, address: \"" + b +
           "\" }\nroutes:\n"
           "  - { match: { path: /x }, listeners: [a], direct_response: { status: 201 } }\n"
           "  - { match: { path: /x }, listeners: [b], direct_response: { status: 202 } }\n";
  };
  HawserProcess hawser(swapped("127.0.0.1:0", "127.0.0.1:0"), 2);
  const std::string first = hawser.listener("a");
  const std::string second = hawser.listener("b");
  EXPECT_EQ(Ask(first, "x"), 201);
  EXPECT_EQ(Ask(second, "x"), 202);
  hawser.Rewrite(swapped(second, first));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 2: listeners +0 -0 ~2"));
  EXPECT_EQ(Ask(first, "x"), 202);
  EXPECT_EQ(Ask(second, "x"), 201);
}

TEST_F(ReloadTest, TheAdminListenerMovesAndGoes) {
  HawserProcess hawser(Yaml({"one"}));
  const std::string before = hawser.admin();
  const std::string file = hawser.directory().File("admin.sock");
  const std::string listeners = "listeners: [ { name: main, address: \"127.0.0.1:0\" } ]\nroutes:\n";
  hawser.Rewrite("admin: { address: \"unix:" + file + "\" }\n" + listeners + Answers("one"));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 2"));
  EXPECT_EQ(Ask("unix:" + file, "ready"), 200);
  EXPECT_FALSE(Wire::Connect(before).open());
  hawser.Rewrite(listeners + Answers("one"));
  EXPECT_TRUE(Reload(hawser, "reloaded: generation 3"));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(ReloadTest, FieldsThatOnlyANewProcessTakesAreNamedUntilThereIsOne) {
  HawserProcess hawser(Yaml({"one"}));
  const std::string waits = "only a restart applies: limits.per_ip_entries";
  hawser.Rewrite(Yaml({"two"}, "", "limits: { per_ip_entries: 5000 }\n"));
  EXPECT_TRUE(Reload(hawser, waits));
  EXPECT_TRUE(Reload(hawser, waits));
  EXPECT_EQ(Ask(hawser.listener(), "two"), 200);
}

TEST_F(ReloadTest, WatchReloadsWhenTheFileIsReplacedOrWritten) {
  HawserProcess hawser(Yaml({"one"}), 1, {.arguments = {"--watch"}});
  const std::string address = hawser.listener();
  hawser.Rewrite(Yaml({"two"}));
  EXPECT_TRUE(Tells(hawser, 0, "reloaded: generation 2"));
  EXPECT_EQ(Ask(address, "two"), 200);
  WriteConfig(hawser.directory(), "hawser.yaml", Yaml({"three"}));
  EXPECT_TRUE(Tells(hawser, 0, "reloaded: generation 3"));
  EXPECT_EQ(Ask(address, "three"), 200);
  WriteConfig(hawser.directory(), "hawser.yaml", "routes: [");
  EXPECT_TRUE(Tells(hawser, 0, "reload failed: generation 3 goes on"));
  WriteConfig(hawser.directory(), "hawser.yaml", Yaml({"four"}));
  EXPECT_TRUE(Tells(hawser, 0, "reloaded: generation 4"));
}

TEST_F(ReloadTest, WhatWasReadFromStdinCannotBeReadAgain) {
  const Directory directory;
  const std::string file = directory.Write("in.yaml", Yaml({"one"}));
  const int in = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  Process process(directory, {HawserBinary(), "run", "-"}, {.in = in});
  close(in);
  ASSERT_TRUE(Eventually([&] { return process.err().find(" ready\n") != std::string::npos; }));
  process.Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] {
    return process.err().find("there is nothing to reload: the configuration was read from stdin") !=
           std::string::npos;
  }));
  EXPECT_TRUE(process.running());
  const CommandResult watch = RunHawser({"run", "--watch", "-"});
  EXPECT_EQ(watch.status, 2);
  EXPECT_THAT(watch.err, HasSubstr("--watch needs a file, not stdin"));
}

}  // namespace
}  // namespace hawser::integration::reload_test
