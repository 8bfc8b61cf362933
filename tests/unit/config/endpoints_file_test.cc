#include "config/endpoints_file.h"

#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/config/files.h"

namespace hawser::config::endpoints_file_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Rendered(const std::vector<Diagnostic>& errors) {
  std::vector<std::string> lines;
  for (const Diagnostic& one : errors) lines.push_back(Render(one));
  return lines;
}

std::vector<std::string> ErrorsOf(const std::string& text) {
  const EndpointsFile file = ParseEndpoints(text, "rooms.yaml");
  EXPECT_TRUE(file.ok() || file.endpoints.empty());
  return Rendered(file.errors);
}

TEST(EndpointsFile, IsYamlOrJson) {
  const std::vector<Endpoint> endpoints = {{BackendAddress("rooms.internal", 9000), 1},
                                           {*net::SocketAddress::Parse("127.0.0.1:9001"), 2}};
  EXPECT_EQ(
      ParseEndpoints("- rooms.internal:9000\n- { address: 127.0.0.1:9001, weight: 2 }\n", "f").endpoints,
      endpoints);
  EXPECT_EQ(ParseEndpoints(R"([ "rooms.internal:9000", { "address": "127.0.0.1:9001", "weight": 2 } ])", "f")
                .endpoints,
            endpoints);
}

TEST(EndpointsFile, IsCheckedAsTheListInTheConfigurationIs) {
  EXPECT_THAT(
      ErrorsOf("- 127.0.0.1:1\n- 127.0.0.1:1\n- 127.0.0.1:0\n- a\n- { weight: 1001, adress: a:1 }\n"),
      ElementsAre(
          "rooms.yaml:2:3: [1]: 127.0.0.1:1 is listed twice in this cluster; expected it once, with a "
          "weight",
          "rooms.yaml:3:3: [2]: 127.0.0.1:0 has port 0; expected the backend's port",
          "rooms.yaml:4:3: [3]: \"a\" has no port; expected a:PORT",
          "rooms.yaml:5:3: [4].address: is missing; expected IP:PORT, [IPv6]:PORT, HOST:PORT or "
          "unix:PATH",
          "rooms.yaml:5:13: [4].weight: \"1001\" is out of range; expected a whole number, 0 to 1000",
          "rooms.yaml:5:19: [4].adress: unknown key; did you mean \"address\"?"));
  EXPECT_THAT(ErrorsOf(""), ElementsAre("rooms.yaml:1:1: the file is empty; expected a list of endpoints"));
  EXPECT_THAT(ErrorsOf("[]"), IsEmpty()) << "it says that there are none";
  EXPECT_THAT(ErrorsOf("endpoints: [ a:1 ]\n"),
              ElementsAre(HasSubstr("rooms.yaml:1:1: is a map; expected a list")));
  EXPECT_THAT(ErrorsOf("[ a:1, b:"), ElementsAre(HasSubstr("rooms.yaml:1:")));
}

TEST(EndpointsFile, PathsInItAreRelativeToItself) {
  const EndpointsFile file = ParseEndpoints("[ \"unix:a.sock\" ]", "/etc/hawser/rooms.yaml");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file.endpoints[0].address.ToString(), "unix:/etc/hawser/a.sock");
}

class DiscoveryFile : public testing::Test {
 protected:
  std::vector<std::string> ErrorsOfConfig(const std::string& discovery) {
    return Rendered(Load(folder_.Write("hawser.yaml",
                                       "listeners: [ { name: a, address: 127.0.0.1:1 } ]\n"
                                       "routes: [ { match: {}, cluster: c } ]\n"
                                       "clusters:\n- name: c\n  discovery: { file: " +
                                           discovery + " }\n"))
                        .errors);
  }

  Folder folder_;
};

TEST_F(DiscoveryFile, IsReadWithTheConfiguration) {
  folder_.Write("rooms.yaml", "- rooms.internal:9000\n");
  EXPECT_THAT(ErrorsOfConfig("rooms.yaml"), IsEmpty());
}

TEST_F(DiscoveryFile, ThatIsMissingIsAnError) {
  EXPECT_THAT(
      ErrorsOfConfig("rooms.yaml"),
      ElementsAre(folder_ / "hawser.yaml" + ":5:22: clusters[0].discovery.file: " + (folder_ / "rooms.yaml") +
                  " cannot be read: No such file or directory; expected a list of endpoints"));
}

TEST_F(DiscoveryFile, HasErrorsOfItsOwnBehindThoseOfTheConfiguration) {
  const std::string rooms = folder_.Write("rooms.yaml", "- a:1\n- 7\n");
  EXPECT_THAT(ErrorsOfConfig("rooms.yaml, nmae: c, x: y"),
              ElementsAre(HasSubstr("nmae: unknown key"), HasSubstr("x: unknown key"),
                          HasSubstr(rooms + ":2:3: [1]: \"7\" has no IP address")));
}

}  // namespace
}  // namespace hawser::config::endpoints_file_test
