#include "proxy/event/file_watch.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::event::file_watch_test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

FileTime Now() {
  return std::chrono::system_clock::now();
}

// Real files; time passes only when a test steps it. inotify has an event ready when the call that changed
// the file returns, so that a turn of the loop sees it without waiting.
class FileWatchTest : public testing::Test {
 protected:
  FileWatchTest() {
    std::string name = (fs::temp_directory_path() / "file_watch_XXXXXX").string();
    root_ = mkdtemp(name.data());
    watch_ = FileWatch::Create(*loop_, {.changed = [this](const auto& paths) { told_.push_back(paths); },
                                        .failed = [](const absl::Status& fault) { ADD_FAILURE() << fault; }})
                 .value();
  }
  ~FileWatchTest() override { fs::remove_all(root_); }

  std::string At(const std::string& name) const { return (root_ / name).string(); }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(At(name)) << text; }
  void Watch(const std::vector<std::string>& names, FileTime since = FileTime::max()) {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(At(name));
    watch_->Watch(paths, since);
    Turns();
  }
  // So many that every path is looked up and every event is read.
  void Turns() {
    for (int i = 0; i < 20; ++i) loop_->RunOnce(milliseconds(0));
  }
  void Pass(base::Duration time) {
    clock_.Advance(time + milliseconds(1));
    Turns();
  }
  // Whether exactly one call tells of that file.
  testing::AssertionResult Tells(const std::string& name) {
    Turns();
    Pass(FileWatch::kQuiet);
    const auto told = std::exchange(told_, {});
    if (told == std::vector<std::vector<std::string>>{{At(name)}}) return testing::AssertionSuccess();
    return testing::AssertionFailure() << testing::PrintToString(told);
  }

  fakes::SteppedClock clock_;
  std::unique_ptr<Loop> loop_ = Loop::Create(clock_.reader()).value();
  fs::path root_;
  std::vector<std::vector<std::string>> told_;
  std::unique_ptr<FileWatch> watch_;
};

TEST_F(FileWatchTest, AFileThatNobodyTouchesIsNotTold) {
  Write("a", "1");
  Watch({"a"});
  Write("b", "1");
  fs::create_directory(At("c"));
  Turns();
  Pass(FileWatch::kLongest);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(FileWatchTest, AFileIsWrittenInPlaceAgainAndAgain) {
  Write("a", "1");
  Watch({"a"});
  for (const char* text : {"2", "", "34"}) {
    Write("a", text);
    EXPECT_TRUE(Tells("a")) << text;
  }
  fs::resize_file(At("a"), 1);
  EXPECT_TRUE(Tells("a"));
}

TEST_F(FileWatchTest, AFileIsReplacedByARenameAndItsSuccessorIsWatched) {
  Write("a", "1");
  Watch({"a"});
  for (const char* text : {"2", "3"}) {
    Write("a.new", text);
    fs::rename(At("a.new"), At("a"));
    EXPECT_TRUE(Tells("a"));
    Write("a", "in place");
    EXPECT_TRUE(Tells("a"));
  }
}

TEST_F(FileWatchTest, AFileIsDeletedAndReturns) {
  Write("a", "1");
  Watch({"a"});
  fs::remove(At("a"));
  EXPECT_TRUE(Tells("a"));
  Write("a", "2");
  EXPECT_TRUE(Tells("a"));
  Write("a", "3");
  EXPECT_TRUE(Tells("a"));
}

TEST_F(FileWatchTest, ItsFolderGoesAndReturns) {
  fs::create_directories(At("x/y"));
  Write("x/y/a", "1");
  Watch({"x/y/a"});
  fs::rename(At("x"), At("old"));
  EXPECT_TRUE(Tells("x/y/a"));
  Write("old/y/a", "2");
  Turns();
  Pass(FileWatch::kLongest);
  EXPECT_THAT(told_, IsEmpty());
  fs::create_directories(At("x/y"));
  Turns();
  Write("x/y/a", "3");
  EXPECT_TRUE(Tells("x/y/a"));
  fs::remove_all(At("x"));
  EXPECT_TRUE(Tells("x/y/a"));
}

TEST_F(FileWatchTest, WhatIsNotThereYetIsWatched) {
  Watch({"x/y/a"});
  fs::create_directories(At("x/y"));
  Write("x/y/a", "1");
  EXPECT_TRUE(Tells("x/y/a"));
}

// As the kubelet writes a volume: tls.crt -> ..data/tls.crt, ..data -> ..1; then ..2 is made, ..data_tmp is
// renamed over ..data, and ..1 is removed.
TEST_F(FileWatchTest, AVolumeOfKubernetesIsSwapped) {
  fs::create_directory(At("..1"));
  Write("..1/tls.crt", "1");
  fs::create_symlink("..1", At("..data"));
  fs::create_symlink("..data/tls.crt", At("tls.crt"));
  Watch({"tls.crt"});
  for (int version = 2; version < 5; ++version) {
    const std::string folder = ".." + std::to_string(version);
    fs::create_directory(At(folder));
    Write(folder + "/tls.crt", "new");
    fs::create_symlink(folder, At("..data_tmp"));
    fs::rename(At("..data_tmp"), At("..data"));
    fs::remove_all(At(".." + std::to_string(version - 1)));
    EXPECT_TRUE(Tells("tls.crt"));
    Write(folder + "/tls.crt", "in place");
    EXPECT_TRUE(Tells("tls.crt"));
  }
}

TEST_F(FileWatchTest, LinksInALoopAreWatchedUntilTheyLeadSomewhere) {
  fs::create_symlink("b", At("a"));
  fs::create_symlink("a", At("b"));
  Watch({"a"});
  fs::remove(At("b"));
  Write("b", "1");
  EXPECT_TRUE(Tells("a"));
}

TEST_F(FileWatchTest, ManyChangesAreOneCall) {
  Write("a", "1");
  Write("b", "1");
  Watch({"a", "b"});
  for (int i = 0; i < 5; ++i) {
    Write(i % 2 == 0 ? "a" : "b", std::to_string(i));
    Turns();
    Pass(FileWatch::kQuiet - milliseconds(50));
    EXPECT_THAT(told_, IsEmpty());
  }
  Pass(FileWatch::kQuiet);
  EXPECT_THAT(told_, ElementsAre(ElementsAre(At("a"), At("b"))));
}

TEST_F(FileWatchTest, AFileThatNeverRestsIsToldInTime) {
  Write("a", "1");
  Watch({"a"});
  base::Duration passed{0};
  for (; told_.empty() && passed < 2 * FileWatch::kLongest; passed += milliseconds(101)) {
    Write("a", "x");
    Turns();
    Pass(milliseconds(100));
  }
  EXPECT_THAT(told_, ElementsAre(ElementsAre(At("a"))));
  EXPECT_GE(passed, FileWatch::kLongest - milliseconds(101));
  EXPECT_LE(passed, FileWatch::kLongest + milliseconds(101));
}

TEST_F(FileWatchTest, ThePathsMayBeReplaced) {
  Write("a", "1");
  Write("b", "1");
  Watch({"a"});
  Watch({"b"});
  Write("a", "2");
  Turns();
  Pass(FileWatch::kLongest);
  EXPECT_THAT(told_, IsEmpty());
  Write("b", "2");
  EXPECT_TRUE(Tells("b"));
  Write("b", "3");
  Turns();
  Watch({});
  Pass(FileWatch::kLongest);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(FileWatchTest, ALinkBackFromTheRootIsLetGoOnce) {
  Write("a", "1");
  fs::create_directory(At("certificates"));
  Write("certificates/2026", "1");
  fs::create_symlink(At("certificates/2026"), At("certificates/now"));
  Watch({"a", "certificates/now"});
  Write("certificates/2026", "2");
  EXPECT_TRUE(Tells("certificates/now"));
  Watch({"a"});
  Write("a", "2");
  EXPECT_TRUE(Tells("a"));
}

TEST_F(FileWatchTest, WhatChangedAfterItWasReadIsTold) {
  Write("old", "1");
  fs::create_symlink("old", At("link"));
  const FileTime before = Now() + milliseconds(20);
  while (Now() < before + milliseconds(40)) continue;  // the clock of the file system follows
  Watch({"old", "link"}, before);
  Pass(FileWatch::kQuiet);
  EXPECT_THAT(told_, IsEmpty());
  Write("new", "1");
  fs::remove(At("link"));
  fs::create_symlink("old", At("link"));
  Watch({});
  Watch({"old", "link", "new", "none"}, before);
  Pass(FileWatch::kQuiet);
  EXPECT_THAT(told_, ElementsAre(ElementsAre(At("link"), At("new"))));
}

TEST_F(FileWatchTest, ManyPathsAreLookedUpOverSeveralTurns) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("f" + std::to_string(i));
  for (const std::string& name : names) Write(name, "1");
  Watch(names);
  for (const std::string& name : names) Write(name, "2");
  Turns();
  Pass(FileWatch::kQuiet);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].size(), 100u);
}

TEST(WalkPath, NamesEveryNameOnTheWayBeforeItIsLookedUp) {
  std::string name = (fs::temp_directory_path() / "walk_path_XXXXXX").string();
  const std::string root = fs::canonical(mkdtemp(name.data()));
  fs::create_directories(root + "/v2/d");
  fs::create_symlink(root + "/v2", root + "/current");
  std::ofstream(root + "/v2/a") << "1";
  std::vector<std::string> way;
  const auto walk = [&](const std::string& path) {
    way.clear();
    return WalkPath(path, [&](const std::string& directory, const std::string& next) {
      if (directory.starts_with(root)) way.push_back(directory.substr(root.size()) + ":" + next);
    });
  };
  EXPECT_EQ(walk(root + "/./current/d/../a").file, root + "/v2/a");
  EXPECT_THAT(way, ElementsAre(":current", ":v2", "/v2:d", "/v2:a"));
  EXPECT_EQ(walk(root + "/v2/none/a").file, "");
  EXPECT_THAT(way, ElementsAre(":v2", "/v2:none"));
  EXPECT_EQ(walk("/../..").file, "/");
  fs::remove_all(root);
}

}  // namespace
}  // namespace hawser::event::file_watch_test
