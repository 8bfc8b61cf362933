// Sessions whose listener or route a reload has taken away: idle connections end, requests under way finish
// and are cut when their time is over, and nothing new begins.
#include <string>

#include "gmock/gmock.h"
#include "proxy/session/client_connection.h"
#include "proxy/session/drain_gone.h"
#include "proxy/session/http2_connection.h"
#include "tests/unit/http2/frames.h"
#include "tests/unit/session/worker_fixture.h"

namespace hawser::session::gone_listener_test {
namespace {

using http::Reject;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const std::string kHandshake =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";  // RFC 6455 §1.3

void AsksABackend(config::Config& config) {
  config.drain.deadline = 10s;
  config.drain.reload.window = 30s;
}

void AnswersItself(config::Config& config) {
  AsksABackend(config);
  config.routes[0].cluster.reset();
  config.routes[0].direct_response = config::DirectResponse{.status = 200, .body = "hello"};
}

class Harness final : public WorkerFixture {
 public:
  explicit Harness(const Change& change = AnswersItself) : WorkerFixture(1, change) {}

  net::Socket Connect() {
    net::Socket client = net::Connect(here_.address).value();
    ClientConnection::Start(services, *backends, listener(), here_.Accept(), peer_, {});
    return client;
  }
  void ConnectHttp2(fakes::FakeStream& client) {
    Http2Connection::Start(
        services, *backends,
        {.stream = std::make_unique<fakes::LentStream>(client), .listener = listener(), .peer = peer_});
  }
  // A reload without the listener or without the route, or with them again.
  void Reload(bool listener, bool route = true) {
    const std::shared_ptr<const Snapshot> before = backends->snapshot();
    if (before_ == nullptr) before_ = before;
    auto next = std::make_shared<Snapshot>();
    next->generation = before->generation + 1;
    next->config = std::make_unique<config::Config>(*before->config);
    if (listener) next->listeners.Add(before_->listeners[0]->name, before_->listeners[0]);
    std::vector<std::shared_ptr<const route::Route>> routes;
    if (route) {
      next->routes.Add(before_->routes[0]->route->name, before_->routes[0]);
      routes.push_back(before_->routes[0]->route);
    }
    next->table = std::make_unique<route::RouteTable>(
        route::RouteTable::Create(std::move(routes), {&before_->listeners[0]->name, 1}).value());
    backends->SetSnapshot(std::move(next));
    DrainGone(sessions, *backends, *before);
  }
  void Settle() {
    for (int i = 0; i < 6; ++i) Turn();
  }

 private:
  const Port here_;
  const net::SocketAddress peer_ = net::SocketAddress::Parse("192.0.2.1:1234").value();
  std::shared_ptr<const Snapshot> before_;
};

TEST(GoneListener, ItsIdleConnectionsEnd) {
  fakes::FakeStream http2;
  Harness harness;
  net::Socket fresh = harness.Connect();
  net::Socket kept = harness.Connect();
  Say(kept, kGet);
  harness.Settle();
  EXPECT_THAT(Heard(kept), EndsWith("hello"));
  harness.ConnectHttp2(http2);
  http2.Feed(http2::Opening());
  http2.Deliver();
  harness.Settle();
  harness.Reload(false);
  harness.Settle();
  http2.FeedEnd();
  http2.Deliver();
  harness.Settle();
  EXPECT_TRUE(harness.sessions.empty());
  size_t goaways = 0;
  for (const http2::SeenFrame& frame : http2::TakeApart(http2.written())) {
    goaways += frame.type == http2::kGoAwayFrame;
  }
  EXPECT_EQ(goaways, 1U);
}

TEST(GoneListener, ThatIsThereAgainKeepsItsConnections) {
  Harness harness;
  net::Socket client = harness.Connect();
  harness.Settle();
  harness.Reload(true);
  harness.Settle();
  Say(client, kGet);
  harness.Settle();
  EXPECT_THAT(Heard(client), StartsWith("HTTP/1.1 200 "));
}

TEST(GoneListener, ARequestThatCameTooLateIsRefused) {
  Harness harness;
  net::Socket client = harness.Connect();
  Say(client, kGet.substr(0, 5));
  harness.Settle();
  harness.Reload(false);
  Say(client, kGet.substr(5));
  harness.Settle();
  const std::string heard = Heard(client);
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(heard, HasSubstr("Connection: close"));
}

TEST(GoneListener, ARequestUnderWayFinishesAndIsTheLast) {
  fakes::FakeStream backend;
  Harness harness(AsksABackend);
  harness.Keep(backend);
  net::Socket client = harness.Connect();
  Say(client, kGet);
  harness.Settle();
  harness.Reload(false);
  harness.Pass(5s);
  backend.Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  backend.Deliver();
  harness.Settle();
  const std::string heard = Heard(client);
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(heard, HasSubstr("Connection: close"));
  client.Reset();
  harness.Settle();
  EXPECT_TRUE(harness.sessions.empty());
}

TEST(GoneListener, ARequestUnderWayIsCutWhenItsTimeIsOver) {
  for (const bool http2 : {false, true}) {
    fakes::FakeStream backend, stream;
    Harness harness(AsksABackend);
    harness.Keep(backend);
    net::Socket client;
    if (http2) {
      harness.ConnectHttp2(stream);
      stream.Feed(http2::Opening() + http2::Headers(1, http2::GetBlock()));
      stream.Deliver();
    } else {
      client = harness.Connect();
      Say(client, kGet);
    }
    harness.Settle();
    harness.Reload(false);
    harness.Pass(9s);
    harness.Settle();
    EXPECT_EQ(harness.Counted(Reject::kReload), 0U);
    EXPECT_FALSE(harness.sessions.empty());
    harness.Pass(1s);
    harness.Settle();
    EXPECT_EQ(harness.Counted(Reject::kReload), 1U);
    EXPECT_TRUE(http2 || harness.sessions.empty());
  }
}

TEST(GoneListener, ThatWentLaterHasItsOwnTime) {
  fakes::FakeStream backend;
  Harness harness(AsksABackend);
  harness.Keep(backend);
  net::Socket client = harness.Connect();
  Say(client, kGet);
  harness.Settle();
  harness.Reload(true, false);
  harness.Reload(true);
  harness.Pass(5s);
  harness.Reload(false);
  harness.Pass(6s);
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kReload), 0U);
  harness.Pass(4s);
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kReload), 1U);
}

// On a connection of a listener that is still there: others of its requests go on.
TEST(GoneRoute, ItsRequestsUnderWayAreCutWhenTheirTimeIsOver) {
  for (const bool http2 : {false, true}) {
    fakes::FakeStream backend, stream;
    Harness harness(AsksABackend);
    harness.Keep(backend);
    net::Socket client;
    if (http2) {
      harness.ConnectHttp2(stream);
      stream.Feed(http2::Opening() + http2::Headers(1, http2::GetBlock()));
      stream.Deliver();
    } else {
      client = harness.Connect();
      Say(client, kGet);
    }
    harness.Settle();
    harness.Reload(true, false);
    harness.Pass(9s);
    harness.Settle();
    EXPECT_EQ(harness.Counted(Reject::kReload), 0U);
    harness.Pass(1s);
    harness.Settle();
    EXPECT_EQ(harness.Counted(Reject::kReload), 1U);
    EXPECT_EQ(harness.sessions.empty(), !http2);
    if (!http2) continue;
    stream.TakeWritten();
    stream.Feed(http2::Headers(3, http2::GetBlock()));
    stream.Deliver();
    harness.Settle();
    EXPECT_EQ(harness.Counted(Reject::kNoRoute), 1U) << "it is answered on the same connection";
    EXPECT_FALSE(stream.closed());
  }
}

// A handshake that outlasts the drain: no other order would end its tunnel.
TEST(GoneRoute, ATunnelThatOpensBehindTheDrainIsEnded) {
  for (const bool back : {false, true}) {
    Harness harness([](config::Config& config) {
      AsksABackend(config);
      config.drain.deadline = 1h;
      config.drain.reload.code.code = 3001;
      config.routes[0].handshake_timeout = 1h;
    });
    net::Socket client = harness.Connect();
    Say(client, kHandshake);
    harness.Settle();
    const net::Socket backend = harness.port().Accept();
    ASSERT_TRUE(backend.open());
    harness.Reload(true, false);
    for (int i = 0; i < 3; ++i) harness.Pass(30s);
    if (back) harness.Reload(true);
    Say(backend, kSwitching);
    harness.Settle();
    const std::string heard = Heard(client);
    EXPECT_THAT(heard, StartsWith("HTTP/1.1 101 "));
    EXPECT_EQ(heard.find("\x0b\xb9") == std::string::npos, back);
  }
}

TEST(GoneRoute, ThatIsThereAgainCutsNothing) {
  fakes::FakeStream backend;
  Harness harness(AsksABackend);
  harness.Keep(backend);
  net::Socket client = harness.Connect();
  Say(client, kGet);
  harness.Settle();
  harness.Reload(true, false);
  harness.Pass(5s);
  harness.Reload(true);
  harness.Pass(6s);
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kReload), 0U);
  EXPECT_FALSE(harness.sessions.empty());
}

TEST(GoneListener, ThatCameBackInTimeCutsNothing) {
  fakes::FakeStream backend;
  Harness harness(AsksABackend);
  harness.Keep(backend);
  net::Socket client = harness.Connect();
  Say(client, kGet);
  harness.Settle();
  harness.Reload(false);
  harness.Pass(5s);
  harness.Reload(true);
  harness.Pass(6s);
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kReload), 0U);
  backend.Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  backend.Deliver();
  harness.Settle();
  EXPECT_THAT(Heard(client), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace hawser::session::gone_listener_test
