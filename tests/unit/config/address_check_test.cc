#include "config/address_check.h"

#include <filesystem>
#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/config/files.h"

namespace hawser::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

net::SocketAddress AddressOf(const std::string& text) {
  return net::SocketAddress::Parse(text).value();
}

TEST(AddressCheck, WhatOverlaps) {
  struct Case {
    const char* a;
    const char* b;
    bool overlap;
  };
  const Case cases[] = {{"127.0.0.1:80", "127.0.0.1:80", true},
                        {"127.0.0.1:80", "127.0.0.1:81", false},
                        {"127.0.0.1:80", "127.0.0.2:80", false},
                        {"127.0.0.1:80", "0.0.0.0:80", true},
                        {"127.0.0.1:80", "0.0.0.0:81", false},
                        {"[::1]:80", "[::1]:80", true},
                        {"[::1]:80", "[::]:80", true},
                        {"[::1]:80", "0.0.0.0:80", false},
                        {"[::1]:80", "127.0.0.1:80", false},
                        {"[::]:80", "0.0.0.0:80", true},
                        {"[::]:80", "127.0.0.1:80", true},
                        {"[::]:80", "[::]:80", true},
                        {"[::]:80", "127.0.0.1:443", false},
                        {"[::]:0", "127.0.0.1:0", false},
                        {"127.0.0.1:0", "127.0.0.1:0", false},
                        {"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
                        {"[::ffff:0.0.0.0]:80", "127.0.0.1:80", true}};
  for (const Case& one : cases) {
    EXPECT_EQ(Overlap(AddressOf(one.a), AddressOf(one.b)), one.overlap) << one.a << " " << one.b;
    EXPECT_EQ(Overlap(AddressOf(one.b), AddressOf(one.a)), one.overlap) << one.b << " " << one.a;
  }
}

// One listener for each address; that of the first stands in line 4.
std::vector<std::string> ErrorsOf(const std::string& admin, const std::vector<std::string>& addresses,
                                  bool files = false) {
  std::string text =
      "routes: [ { match: {}, cluster: c } ]\nclusters: [ { name: c, endpoints: [ 127.0.0.1:3 ] } "
      "]\nlisteners:\n";
  for (size_t i = 0; i < addresses.size(); ++i) {
    text +=
        "- { name: " + std::string(1, static_cast<char>('a' + i)) + ", address: \"" + addresses[i] + "\" }\n";
  }
  if (!admin.empty()) text += "admin: { address: \"" + admin + "\" }\n";
  std::vector<std::string> lines;
  for (const Diagnostic& error : LoadText(text, "f.yaml", {.check_files = files}).errors)
    lines.push_back(Render(error));
  return lines;
}

TEST(AddressCheck, EveryOverlapIsReportedWithBothLines) {
  EXPECT_THAT(
      ErrorsOf("127.0.0.1:2", {"0.0.0.0:1", "127.0.0.1:1", "[::1]:1", "[::]:2", "127.0.0.1:4"}),
      ElementsAre("f.yaml:5:23: listeners[1].address: 127.0.0.1:1 overlaps 0.0.0.0:1; the first is in line 4",
                  "f.yaml:7:23: listeners[3].address: [::]:2 overlaps 127.0.0.1:2; the first is in line 9, "
                  "and [::] takes IPv4 too"));
}

TEST(AddressCheck, AUnixSocketHasOnePath) {
  EXPECT_THAT(
      ErrorsOf("", {"unix:/run/a.sock", "unix:/run//x/../a.sock", "unix:@a", "unix:@A", "unix:@a"}),
      ElementsAre(
          "f.yaml:5:23: listeners[1].address: unix:/run//x/../a.sock overlaps unix:/run/a.sock; the first "
          "is in line 4",
          "f.yaml:8:23: listeners[4].address: unix:@a is used twice; the first is in line 6"));
  EXPECT_THAT(
      ErrorsOf("unix:/run/a.sock", {"unix:/run/a.sock"}),
      ElementsAre(
          "f.yaml:4:23: listeners[0].address: unix:/run/a.sock is used twice; the first is in line 5"));
}

TEST(AddressCheck, LinksLeadToTheSameUnixSocket) {
  Folder folder;
  std::filesystem::create_directory(folder / "run");
  std::filesystem::create_symlink("run", folder / "link");
  const std::vector<std::string> addresses = {"unix:" + (folder / "run/a.sock"),
                                              "unix:" + (folder / "link/a.sock")};
  EXPECT_EQ(ErrorsOf("", addresses, true).size(), 1u);
  EXPECT_THAT(ErrorsOf("", addresses), IsEmpty());
}

}  // namespace
}  // namespace hawser::config
