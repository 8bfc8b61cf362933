#include "proxy/http/hop_by_hop.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <typename Head>
std::vector<std::string> Names(const Head& head) {
  std::vector<std::string> names;
  for (const Header& header : head.headers) names.emplace_back(header.name);
  return names;
}

TEST(HopByHop, WhatConcernsOneConnectionIsRemoved) {
  RequestHead head;
  for (const char* name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade", "keep-alive"}) {
    head.headers.Add(name, "x");
  }
  RemoveHopByHop(head);
  EXPECT_THAT(Names(head), IsEmpty());
}

TEST(HopByHop, WhatIsMeantForTheOtherEndStays) {
  RequestHead head;
  for (const char* name :
       {"Host", "Trailer", "Proxy-Authorization", "Content-Length", "Accept", "Sec-WebSocket-Key"}) {
    head.headers.Add(name, "x");
  }
  RemoveHopByHop(head);
  EXPECT_EQ(head.headers.size(), 6u);
}

TEST(HopByHop, NominatedFieldsGoWhateverTheirCaseAndPlace) {
  RequestHead head;
  head.headers.Add("X-Secret", "1");
  head.headers.Add("Connection", "close, x-SECRET");
  head.headers.Add("X-Other", "1");
  head.headers.Add("connection", " ,X-Other, X-Missing");
  head.headers.Add("x-secret", "2");
  head.headers.Add("X-Third", "1");
  RemoveHopByHop(head);
  EXPECT_THAT(Names(head), ElementsAre("X-Third"));
}

TEST(HopByHop, ANominationCannotRemoveProtectedFields) {
  for (const char* name : {"Host", "content-length", "Content-Type", "Cookie", "Set-Cookie", "Authorization",
                           "Origin", "Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP",
                           "X-Request-Id", "Via", "Max-Forwards", "Sec-WebSocket-Key",
                           "Sec-WebSocket-Protocol", "Sec-Fetch-Site", "Cache-Control", "Trailer"}) {
    RequestHead head;
    head.headers.Add("Connection", name);
    head.headers.Add(name, "1");
    RemoveHopByHop(head);
    EXPECT_THAT(Names(head), ElementsAre(name));
  }
}

TEST(HopByHop, ANominationIsANameAndNotAPrefix) {
  RequestHead head;
  head.headers.Add("Connection", "X-, X-Forwarded, A-");
  head.headers.Add("X-Forwarded-For", "1");
  head.headers.Add("X-Other", "1");
  head.headers.Add("A-B", "1");
  RemoveHopByHop(head);
  EXPECT_THAT(Names(head), ElementsAre("X-Forwarded-For", "X-Other", "A-B"));
}

TEST(HopByHop, OfTeOnlyTrailersIsKept) {
  for (const auto& [value, kept] :
       {std::pair{"trailers", true}, {"Trailers", true}, {"gzip, trailers", true}, {"gzip", false}}) {
    RequestHead head;
    head.headers.Add("TE", value);
    head.headers.Add("Connection", "TE");
    RemoveHopByHop(head);
    EXPECT_EQ(head.headers.Find("TE"), kept ? std::optional<std::string_view>("trailers") : std::nullopt)
        << value;
    EXPECT_EQ(head.headers.size(), kept ? 1u : 0u) << value;
  }
}

TEST(HopByHop, AResponseLosesTheSame) {
  ResponseHead head{.status = 200};
  head.headers.Add("Connection", "close, X-Internal");
  head.headers.Add("X-Internal", "1");
  head.headers.Add("Transfer-Encoding", "chunked");
  head.headers.Add("Content-Length", "5");
  head.headers.Add("Set-Cookie", "a=1");
  RemoveHopByHop(head);
  EXPECT_THAT(Names(head), ElementsAre("Content-Length", "Set-Cookie"));
}

TEST(HopByHop, AResponseThatCannotHaveABodyHasNoLength) {
  for (const int status : {101, 103, 204}) {
    ResponseHead head{.status = status};
    head.headers.Add("Content-Length", "0");
    RemoveHopByHop(head);
    EXPECT_THAT(Names(head), IsEmpty()) << status;
  }
  ResponseHead not_modified{.status = 304};
  not_modified.headers.Add("Content-Length", "5");
  RemoveHopByHop(not_modified);
  EXPECT_THAT(Names(not_modified), ElementsAre("Content-Length"));
}

TEST(HopByHop, OwnFieldsAreThoseOfFramingConnectionAndHandshake) {
  for (const std::string_view name :
       {"connection", "TE", "Transfer-Encoding", "content-length", "HOST", "Expect", "Trailer", "Upgrade",
        "Sec-WebSocket-Key", "sec-websocket-"}) {
    EXPECT_TRUE(IsOwnField(name)) << name;
  }
  for (const std::string_view name :
       {"Cookie", "X-Forwarded-For", "Content-Type", "Sec-Fetch-Mode", "Via", ""}) {
    EXPECT_FALSE(IsOwnField(name)) << name;
  }
}

}  // namespace
}  // namespace hawser::http
