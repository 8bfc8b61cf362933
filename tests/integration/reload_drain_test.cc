// Those whom a reload leaves nothing to stand on: tunnels whose listener, route or endpoint has gone,
// requests under way, and HTTP/2 connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration {
namespace {

using testing::Contains;
using testing::SizeIs;

std::string DrainOf(const std::string& reload) {
  return "drain: { window: 1h, deadline: 2h, reload: { " + reload + " } }";
}

class ReloadDrain : public testing::Test {
 protected:
  ReloadDrain() : address_(UnusedAddress()) {
    site_.listeners = {ListenerOf("main", address_)};
    site_.routes = {RouteOf("all", "c", "match: { path_prefix: / }")};
  }
  // With these endpoints in the cluster.
  void Point(const std::vector<std::string>& endpoints, const std::string& draining = "",
             const std::string& more = "") {
    std::string fields = draining.empty() ? more : "draining: { " + draining + " }";
    if (!draining.empty() && !more.empty()) fields += ", " + more;
    site_.clusters = {ClusterOf("c", endpoints, fields)};
  }
  void Start() { hawser_.emplace(site_.Yaml(), 2); }
  Wire Open(Head* head = nullptr, const Fields& more = {}) { return Join(address_, {.more = more}, head); }
  std::string Backend(const Fields& more = {}) {
    Head head;
    const Wire client = Open(&head, more);
    return client.open() ? head.Value("X-Backend") : "";
  }
  // The row of an endpoint in /clusters; null where there is none.
  nlohmann::json Endpoint(const std::string& address) {
    const auto page = nlohmann::json::parse(hawser_->AdminPage("/clusters"));
    for (const auto& cluster : page["clusters"]) {
      for (const auto& endpoint : cluster["endpoints"]) {
        if (endpoint["address"] == address) return endpoint;
      }
    }
    return nullptr;
  }
  size_t Told(std::vector<Wire>& tunnels) {
    size_t told = 0;
    for (Wire& tunnel : tunnels) told += tunnel.HasInput();
    return told;
  }

  EchoBackend a_{"a"};
  EchoBackend b_{"b"};
  const std::string address_;
  Site site_;
  std::optional<HawserProcess> hawser_;
};

// --- Tunnels without a listener or a route ---

TEST_F(ReloadDrain, TheCodeIsTheNewFiles) {
  Point({a_.address()});
  Start();
  Wire tunnel = Open();
  site_.top = {DrainOf("window: 0s, code: 4321")};
  site_.routes = {RouteOf("other", "c")};
  Apply(*hawser_, site_);
  ExpectClosed(tunnel, 4321);
}

TEST_F(ReloadDrain, ClosesAreSpreadOverTheWindow) {
  Point({a_.address()});
  site_.top = {DrainOf("window: 4s")};
  Start();
  std::vector<Wire> tunnels;
  for (int i = 0; i < 30; ++i) tunnels.push_back(Open());
  site_.routes = {RouteOf("other", "c")};
  Apply(*hawser_, site_);
  ASSERT_TRUE(Eventually([&] { return Told(tunnels) > 0; }));
  EXPECT_LT(Told(tunnels), 25U);
  EXPECT_GT(hawser_->Metric("hawser_draining_tunnels", {"reload"}), 0);
  EXPECT_TRUE(Eventually([&] { return Told(tunnels) == 30; }));
  for (Wire& tunnel : tunnels) ExpectClosed(tunnel, 1012);
  EXPECT_TRUE(hawser_->MetricIs("hawser_draining_tunnels", 0, {"reload"}));
}

TEST_F(ReloadDrain, ASecondReloadDoesNotRestartTheWindow) {
  Point({a_.address()});
  site_.top = {DrainOf("window: 3s")};
  Start();
  std::vector<Wire> tunnels;
  for (int i = 0; i < 10; ++i) tunnels.push_back(Open());
  site_.routes = {RouteOf("other", "c")};
  Apply(*hawser_, site_);
  const auto begun = Clock::now();
  int reloads = 0;
  while (Told(tunnels) < 10 && Clock::now() < begun + Patience()) {
    site_.routes.push_back(RouteOf(fmt::format("more-{}", reloads++), "c"));
    Apply(*hawser_, site_);
  }
  // Each would have moved the end by another window.
  EXPECT_GT(reloads, 3);
  for (Wire& tunnel : tunnels) ExpectClosed(tunnel, 1012);
}

TEST_F(ReloadDrain, ACloseWaitsForTheEndOfAFrame) {
  FakeBackend backend;
  Point({backend.address()});
  site_.top = {DrainOf("window: 0s")};
  Start();
  Wire client = Wire::Connect(address_);
  client.Send(Request{}.Text());
  Wire behind = backend.Accept();
  behind.Send(SwitchingProtocols(ReadHead(behind)));
  EXPECT_EQ(ReadHead(client).status(), 101);
  const std::string bytes = Encode({.opcode = kBinary, .payload = std::string(1000, 'x')});
  behind.Send(bytes.substr(0, 500));
  EXPECT_EQ(client.Read(500), bytes.substr(0, 500));
  site_.routes = {RouteOf("other", "c")};
  Apply(*hawser_, site_);
  EXPECT_EQ(ReadFrame(behind).close_code(), 1001) << "its client goes away";
  EXPECT_FALSE(client.HasInput());
  behind.Send(bytes.substr(500));
  EXPECT_EQ(client.Read(bytes.size() - 500), bytes.substr(500));
  ExpectClosed(client, 1012);
}

// --- Endpoints that leave ---

TEST_F(ReloadDrain, TunnelsOfAnEndpointThatLeavesStay) {
  Point({a_.address()});
  Start();
  Wire tunnel = Open();
  Point({b_.address()});
  EXPECT_EQ(Apply(*hawser_, site_).Changes("clusters"), "~c");
  for (int i = 0; i < 8; ++i) EXPECT_EQ(Backend(), "b");
  ExpectEcho(tunnel);
  const auto row = Endpoint(a_.address());
  ASSERT_TRUE(row.is_object()) << "it is shown while it drains";
  EXPECT_EQ(row["state"], "draining");
  EXPECT_EQ(row["available"], false);
  EXPECT_EQ(row["active"], 1);
}

TEST_F(ReloadDrain, TunnelsOfAnEndpointThatLeavesAreClosed) {
  Point({a_.address()});
  Start();
  std::vector<Wire> tunnels;
  for (int i = 0; i < 5; ++i) tunnels.push_back(Open());
  Point({b_.address()}, "tunnels: close, window: 200ms");
  Apply(*hawser_, site_);
  for (Wire& tunnel : tunnels) ExpectClosed(tunnel, 1012);
  EXPECT_TRUE(hawser_->MetricIs("hawser_draining_tunnels", 0, {"endpoint"}));
}

TEST_F(ReloadDrain, AfterTheTimeoutNothingOfAnEndpointIsLeft) {
  Point({a_.address()});
  Start();
  Wire tunnel = Open();
  Wire plain = Wire::Connect(address_);
  plain.Send(PlainGet("/"));
  EXPECT_EQ(ReadBody(plain, ReadHead(plain)), "a");  // a connection to it waits in the pool
  Point({b_.address()}, "timeout: 300ms, window: 0s");
  Apply(*hawser_, site_);
  ExpectClosed(tunnel, 1012);
  EXPECT_TRUE(Eventually([&] { return Endpoint(a_.address()).is_null(); }));
  EXPECT_TRUE(Eventually([&] { return a_.open() == 0; }));
}

TEST_F(ReloadDrain, AnEndpointThatReturnsIsTheSame) {
  Point({a_.address()});
  Start();
  Wire tunnel = Open();
  Point({b_.address()});
  Apply(*hawser_, site_);
  Point({a_.address()});
  Apply(*hawser_, site_);
  EXPECT_EQ(Endpoint(a_.address())["active"], 1);
  EXPECT_EQ(Endpoint(a_.address())["tunnels"], 1);
  EXPECT_EQ(Endpoint(a_.address())["state"], "in");
  EXPECT_EQ(Backend(), "a");
  EXPECT_TRUE(Eventually([&] { return Endpoint(a_.address())["tunnels"] == 2; })) << "counted behind the 101";
  ExpectEcho(tunnel);
}

// A client whose cookie names the endpoint that has left.
class ReloadCookies : public ReloadDrain {
 protected:
  static constexpr char kAffinity[] =
      "affinity: { cookie: { name: moor, ttl: 1h, keys: [ 0123456789abcdef0123456789abcdef ] } }";

  std::string CookieOfA() {
    Point({a_.address()}, "", kAffinity);
    Start();
    Head head;
    tunnel_ = Open(&head);
    const std::string cookie = head.Value("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  }
  Wire tunnel_;  // keeps the endpoint
};

TEST_F(ReloadCookies, MoveToAnotherEndpoint) {
  const std::string cookie = CookieOfA();
  EXPECT_EQ(Backend({{"Cookie", cookie}}), "a");
  Point({b_.address()}, "cookies: move", kAffinity);
  Apply(*hawser_, site_);
  EXPECT_EQ(Backend({{"Cookie", cookie}}), "b");
}

TEST_F(ReloadCookies, AreHonouredUntilTheTimeout) {
  const std::string cookie = CookieOfA();
  Point({b_.address()}, "cookies: honour", kAffinity);
  Apply(*hawser_, site_);
  EXPECT_EQ(Backend({{"Cookie", cookie}}), "a");
  EXPECT_EQ(Backend(), "b");
  Point({b_.address()}, "cookies: honour, timeout: 0s", kAffinity);
  Apply(*hawser_, site_);
  EXPECT_TRUE(Eventually([&] { return Backend({{"Cookie", cookie}}) == "b"; }));
}

// --- Requests and HTTP/2 connections ---

TEST_F(ReloadDrain, RequestsUnderWayFinish) {
  FakeBackend backend;
  Point({backend.address()});
  site_.top = {DrainOf("window: 0s")};
  Start();
  Wire client = Wire::Connect(address_);
  client.Send(PlainGet("/slow"));
  Wire behind = backend.Accept();
  ReadHead(behind);
  behind.Send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_EQ(ReadHead(client).status(), 200);
  site_.listeners = {ListenerOf("other", UnusedAddress())};
  site_.routes = {RouteOf("other", "d")};
  site_.clusters = {ClusterOf("d", {a_.address()})};
  Apply(*hawser_, site_);
  behind.Send("def");
  EXPECT_EQ(client.Read(6), "abcdef");
  EXPECT_EQ(client.ReadEnd(), End::kFin) << "its listener has gone";
}

TEST_F(ReloadDrain, AKeptConnectionRoutesByTheNewTable) {
  Point({a_.address()});
  Start();
  Wire client = Wire::Connect(address_);
  const auto ask = [&client] {
    client.Send(PlainGet("/"));
    return ReadBody(client, ReadHead(client));
  };
  EXPECT_EQ(ask(), "a");
  Point({b_.address()});
  Apply(*hawser_, site_);
  EXPECT_EQ(ask(), "b");
}

TEST_F(ReloadDrain, AnHttp2ConnectionRoutesByTheNewTable) {
  Point({a_.address()});
  site_.listeners = {ListenerOf("main", address_, "http2: { prior_knowledge: true }")};
  Start();
  Http2Client client(Wire::Connect(address_));
  EXPECT_EQ(client.AwaitEnd(client.Get("/")).body, "a");
  const int32_t tunnel = client.WebSocket("/");
  EXPECT_EQ(client.AwaitHead(tunnel).fields.at("x-backend"), "a");
  site_.clusters.push_back(ClusterOf("d", {b_.address()}));
  site_.routes = {RouteOf("new", "d", "match: { path: /new }"), site_.routes[0]};
  Apply(*hawser_, site_);
  EXPECT_EQ(client.AwaitEnd(client.Get("/new")).body, "b");
  client.Send(tunnel, EncodeMasked({.payload = "x"}));
  EXPECT_EQ(client.Read(tunnel, 3), Encode({.payload = "x"}));
}

TEST_F(ReloadDrain, AnHttp2ConnectionOfAGoneListenerEndsInOrder) {
  FakeBackend backend;
  Point({backend.address()});
  site_.top = {DrainOf("window: 0s")};
  site_.listeners = {ListenerOf("main", address_, "http2: { prior_knowledge: true }"),
                     ListenerOf("other", UnusedAddress())};
  Start();
  Http2Client client(Wire::Connect(address_));
  const int32_t stream = client.Get("/slow");
  Wire behind = backend.Accept();
  ReadHead(behind);
  site_.listeners.erase(site_.listeners.begin());
  Apply(*hawser_, site_);
  EXPECT_TRUE(client.Await([&] { return client.goaway().has_value(); }));
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_NO_ERROR});
  behind.Send(Response("200 OK", "in time"));
  EXPECT_EQ(client.AwaitEnd(stream).body, "in time");
  EXPECT_NE(client.wire().ReadEnd(), End::kOpen);
}

// A change of how connections are made: TLS or the protocol.
TEST_F(ReloadDrain, AnotherProtocolEndsIdleConnections) {
  Point({a_.address()});
  Start();
  Wire client = Wire::Connect(address_);
  client.Send(PlainGet("/"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "a");
  Wire tunnel = Open();
  EXPECT_TRUE(Eventually([&] { return a_.open() == 2; }));
  Point({a_.address()}, "", "protocol: h2");
  Apply(*hawser_, site_);
  EXPECT_TRUE(Eventually([&] { return a_.open() == 1; })) << "the idle one has gone";
  ExpectEcho(tunnel);
}

}  // namespace
}  // namespace hawser::integration
