#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> ErrorsIn(const std::string& text) {
  std::vector<std::string> errors;
  for (const Diagnostic& one : LoadText(text, "f.yaml", {.check_files = false}).errors)
    errors.push_back(Render(one));
  return errors;
}

TEST(LoopCheck, AnEndpointIsNoListenerOfTheSameFile) {
  const auto loops = [](std::string_view listener, std::string_view endpoint) {
    const std::vector<std::string> errors = ErrorsIn(
        "clusters: [ { name: c, endpoints: [ \"" + std::string(endpoint) +
        "\" ] } ]\nroutes: [ { match: {}, cluster: c } ]\nlisteners:\n  - { name: edge, address: \"" +
        std::string(listener) + "\" }\n");
    if (errors.empty()) return false;
    EXPECT_THAT(
        errors,
        ElementsAre(
            "f.yaml:1:37: clusters[0].endpoints[0]: " + std::string(endpoint) +
            " is listener \"edge\" of this file, in line 4; expected a backend: requests would loop"));
    return true;
  };
  EXPECT_TRUE(loops("127.0.0.1:80", "127.0.0.1:80"));
  EXPECT_TRUE(loops("192.0.2.1:80", "192.0.2.1:80"));
  EXPECT_TRUE(loops("0.0.0.0:80", "127.0.0.1:80"));
  EXPECT_TRUE(loops("0.0.0.0:80", "127.8.0.1:80"));
  EXPECT_TRUE(loops("0.0.0.0:80", "0.0.0.0:80"));
  EXPECT_TRUE(loops("127.0.0.1:80", "0.0.0.0:80"));
  EXPECT_TRUE(loops("[::]:80", "127.0.0.1:80"));
  EXPECT_TRUE(loops("[::]:80", "[::1]:80"));
  EXPECT_TRUE(loops("unix:/run/a.sock", "unix:/run/a.sock"));
  EXPECT_FALSE(loops("127.0.0.1:80", "127.0.0.1:81"));
  EXPECT_FALSE(loops("127.0.0.1:80", "127.0.0.2:80"));
  EXPECT_FALSE(loops("0.0.0.0:80", "192.0.2.1:80"));
  EXPECT_FALSE(loops("0.0.0.0:80", "[::1]:80"));
  EXPECT_FALSE(loops("127.0.0.1:0", "127.0.0.1:80"));
  EXPECT_FALSE(loops("unix:/run/a.sock", "unix:/run/b.sock"));
  EXPECT_FALSE(loops("unix:/run/a.sock", "127.0.0.1:80"));
}

}  // namespace
}  // namespace hawser::config
