// Answers that come before the client's body is in, over HTTP/2, on one connection; tests/clients has curl
// and Node.
#include <gtest/gtest.h>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

Fields PostHead(const std::string& path) {
  return {{":method", "POST"}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", path}};
}

Config OneRoute() {
  return {.listener = {"http2: { prior_knowledge: true }"}, .route = {"match: { path_prefix: /only }"}};
}

TEST(Http2EarlyAnswer, ManyOnOneConnectionHarmNothing) {
  OneBackend world(OneRoute());
  Http2Client client(world.Connect());
  for (int i = 0; i < 200; ++i) {
    const int32_t stream = client.Request(PostHead("/none"), true);
    client.Send(stream, std::string(i % 4 == 0 ? 100'000 : 1000, 'x'));  // more than a window, or less
    EXPECT_TRUE(client.Await([&] { return client.at(stream).ended || client.at(stream).reset; }));
    ASSERT_EQ(client.at(stream).status, 404) << i;
    EXPECT_EQ(client.at(stream).body, "No route matches the request.\n");
    if (i % 4 == 1) client.End(stream);
    if (i % 4 == 2) client.Reset(stream);
  }
  EXPECT_FALSE(client.goaway());
  const int32_t stream = client.Get("/only");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "works"));
  EXPECT_EQ(client.AwaitEnd(stream).body, "works");
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_connections_total", 1));
}

TEST(Http2EarlyAnswer, AStreamThatIsNeverEndedIsResetWithoutAnError) {
  OneBackend world(OneRoute());
  Http2Client client(world.Connect());
  const int32_t stream = client.Request(PostHead("/none"), true);
  EXPECT_EQ(client.AwaitEnd(stream).status, 404);
  EXPECT_TRUE(client.Await([&] { return client.at(stream).reset.has_value(); }));
  EXPECT_EQ(client.at(stream).reset, uint32_t{NGHTTP2_NO_ERROR});
}

TEST(Http2EarlyAnswer, ABackendsOwnIsPassedOnBeforeTheRequestHasEnded) {
  OneBackend world(OneRoute());
  Http2Client client(world.Connect());
  const int32_t stream = client.Request(PostHead("/only"), true);
  client.Send(stream, std::string(200'000, 'x'));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("413 Content Too Large", "too large"));
  EXPECT_EQ(client.AwaitEnd(stream).status, 413);
  EXPECT_EQ(client.at(stream).body, "too large");
  EXPECT_TRUE(client.at(stream).ended);
}

}  // namespace
}  // namespace hawser::integration
