#include "config/suggest.h"

#include <string_view>

#include "gtest/gtest.h"

namespace hawser::config::suggest_test {
namespace {

TEST(Suggest, KnowsTheWordsOfOtherPrograms) {
  constexpr std::string_view kPolicies[] = {"round_robin", "least_request", "random"};
  EXPECT_EQ(Suggest("leastconn", kPolicies), "did you mean \"least_request\"?");
  EXPECT_EQ(Suggest("least_conn", kPolicies), "did you mean \"least_request\"?");
  constexpr std::string_view kProtocols[] = {"http/1.1", "h2", "auto"};
  EXPECT_EQ(Suggest("http2", kProtocols), "did you mean \"h2\"?");
  constexpr std::string_view kKeys[] = {"name", "address", "tls"};
  EXPECT_EQ(Suggest("ssl", kKeys), "did you mean \"tls\"?");
}

TEST(Suggest, AWordOfAnotherProgramMustMeanOneOfOurs) {
  constexpr std::string_view kKeys[] = {"name", "address"};
  EXPECT_EQ(Suggest("ssl", kKeys), "expected one of name, address");
}

}  // namespace
}  // namespace hawser::config::suggest_test
