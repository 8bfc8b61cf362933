// Every response that reaches a client says when it was made, or when it came: RFC 9110 §6.6.1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const Config kBothProtocols = {.listener = {"http2: { prior_knowledge: true }"}};
const std::string kSomeDate = "Sun, 06 Nov 1994 08:49:37 GMT";

// Whether it is the present date, within a minute for slow machines.
void ExpectNow(const std::string& date) {
  std::tm utc{};
  const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  ASSERT_TRUE(end != nullptr && *end == '\0') << date;
  EXPECT_NEAR(static_cast<double>(timegm(&utc)), static_cast<double>(std::time(nullptr)), 60) << date;
}

TEST(Date, IsAddedWhereTheBackendLeftItOut) {
  OneBackend world(kBothProtocols);
  for (const std::string method : {"GET", "HEAD"}) {
    Wire client = world.Connect();
    client.Send(method + " / HTTP/1.1\r\nHost: hawser.test\r\n\r\n");
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n");
    EXPECT_FALSE(ReadHead(client).Has("Date"));
    ExpectNow(ReadHead(client).Value("Date"));
  }
  Http2Client client(world.Connect());
  const int32_t stream = client.Get("/");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "ok"));
  ExpectNow(client.AwaitEnd(stream).fields.at("date"));
}

TEST(Date, OfTheBackendIsKept) {
  OneBackend world(kBothProtocols);
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  {
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(Response("200 OK", "ok", {{"date", kSomeDate}, {"Connection", "close"}}));
    EXPECT_EQ(ReadHead(client).Value("Date"), kSomeDate);
  }
  Http2Client other(world.Connect());
  const int32_t stream = other.Get("/");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "ok", {{"Date", kSomeDate}}));
  EXPECT_EQ(other.AwaitEnd(stream).fields.at("date"), kSomeDate);
}

TEST(Date, StandsInHawsersOwnAnswers) {
  OneBackend world({.listener = {"http2: { prior_knowledge: true }"}, .route = {"match: { path: /there }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/nowhere"));
  ExpectNow(ReadHead(client).Value("Date"));
  Wire malformed = world.Connect();
  malformed.Send("GET\r\n\r\n");
  ExpectNow(ReadHead(malformed).Value("Date"));
  Http2Client other(world.Connect());
  ExpectNow(other.AwaitEnd(other.Get("/nowhere")).fields.at("date"));
  Wire admin = Wire::Connect(world.hawser().admin());
  admin.Send(AdminGet("/ready"));
  ExpectNow(ReadHead(admin).Value("Date"));
}

TEST(Date, IsNotAddedToAnUpgrade) {
  OneBackend world;
  EXPECT_FALSE(world.Open().response.Has("Date"));
  EXPECT_EQ(world.Open({}, {{"Date", kSomeDate}}).response.Value("Date"), kSomeDate);
}

TEST(Date, MayBeTakenOutByTheRoute) {
  OneBackend world({.route = {"response_headers: { remove: [ Date ] }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "ok"));
  EXPECT_FALSE(ReadHead(client).Has("Date"));
}

}  // namespace
}  // namespace hawser::integration
