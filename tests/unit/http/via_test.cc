#include "proxy/http/via.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

bool Knows(const Via& via, std::string_view field) {
  HeaderList headers;
  headers.Add("Host", "example.com");
  headers.Add("via", field);
  return via.IsIn(headers);
}

TEST(Via, NamesTheProtocolThatWasReceivedAndThisProcess) {
  const Via via(0xc01);
  EXPECT_EQ(via.EntryFor(Version::kHttp10), "1.0 hawser-00000c01");
  EXPECT_EQ(via.EntryFor(Version::kHttp11), "1.1 hawser-00000c01");
  EXPECT_EQ(via.EntryFor(Version::kHttp2), "2 hawser-00000c01");
}

TEST(Via, TwoProcessesHaveTwoNames) {
  const Via one = Via::Random();
  EXPECT_THAT(std::string(one.EntryFor(Version::kHttp11)), testing::MatchesRegex("1\\.1 hawser-[0-9a-f]{8}"));
  EXPECT_NE(one.EntryFor(Version::kHttp11), Via::Random().EntryFor(Version::kHttp11));
}

TEST(Via, FindsItselfWhereverItStands) {
  const Via via(0x5f3a9c01);
  for (const char* field : {"1.1 hawser-5f3a9c01", "1.1 edge, 2 hawser-5f3a9c01",
                            "1.1 hawser-5f3a9c01, 1.1 edge", "HTTP/1.1 \t hawser-5f3a9c01 (a comment)",
                            ",,1.0 hawser-5f3a9c01,", "1.1 x (\", 1.1 hawser-5f3a9c01"})
    EXPECT_TRUE(Knows(via, field)) << field;
  HeaderList headers;
  headers.Add("Via", "1.1 edge");
  headers.Add("Via", "1.1 hawser-5f3a9c01");
  EXPECT_TRUE(via.IsIn(headers));
}

TEST(Via, OtherHawsersAreNoLoop) {
  const Via via(0x5f3a9c01);
  for (const char* field :
       {"", "1.1 hawser", "1.1 hawser-00000001", "1.1 xhawser-5f3a9c01", "1.1 hawser-5f3a9c01x",
        "1.1 edge (hawser-5f3a9c01)", "hawser-5f3a9c01", "1.1 HAWSER-5F3A9C01"})
    EXPECT_FALSE(Knows(via, field)) << field;
  EXPECT_FALSE(via.IsIn({}));
}

}  // namespace
}  // namespace hawser::http
