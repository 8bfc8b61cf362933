// Sessions that have ended, in each state that they can be in, with everything pending for them that a loop
// can have pending: nobody calls them, nothing is written any more, and nothing of theirs is left.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/session/client_connection.h"
#include "proxy/session/http2_connection.h"
#include "proxy/session/offload.h"
#include "proxy/session/sessions.h"
#include "tests/fakes/every_event.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/lent_stream.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/http2/frames.h"
#include "tests/unit/server/fixture.h"

namespace hawser::server {
namespace {

using namespace std::chrono_literals;

class EndedSessions : public testing::Test {
 protected:
  // /up is answered at once. The backend of all else is connected to, and never says a word.
  EndedSessions() : silent_(ListenAnywhere()) {
    snapshot_ = SnapshotOf(
        "listeners: [ { name: main, address: 127.0.0.1:0 } ]\n"
        "clusters: [ { name: silent, endpoints: [ { address: " +
        silent_.address.ToString() +
        " } ] } ]\n"
        "routes:\n"
        "  - { match: { path: /up }, direct_response: { status: 200, body: up } }\n"
        "  - { match: { path_prefix: / }, cluster: silent }\n");
    backends_.emplace(*loop_, buffers_, stats_, stick_table_, snapshot_, services_.random);
  }
  ~EndedSessions() override {
    EXPECT_TRUE(sessions_.empty());
    EXPECT_EQ(TotalsOf(stats_)[stats::Metric::kConnectionsOpen], 0u);
    EXPECT_EQ(snapshot_->clusters[0]->members()[0].endpoint->active(), 0);
    EXPECT_EQ(snapshot_->clusters[0]->members()[0].endpoint->connecting(), 0);
    backends_.reset();
    Turn();
    EXPECT_EQ(buffers_.in_use(), 0u);
  }

  void Turn() { loop_->RunOnce(0ms); }
  // Long enough for every timer that is still armed.
  void PassAnHour() {
    for (int i = 0; i < 3; ++i) {
      clock_.Advance(20min);
      Turn();
    }
  }
  session::EdgeLeases Leases() { return {.ip = {}, .cap = {}, .count = session::ConnectionCount(stats_)}; }

  const Listening silent_;
  fakes::SteppedClock clock_;
  const std::unique_ptr<event::Loop> loop_ = event::Loop::Create(clock_.reader()).value();
  net::BufferPool buffers_;
  stats::WorkerStats stats_;
  const http::Via via_ = http::Via::Random();
  cluster::StickTable stick_table_{16, 1min};
  session::Sessions sessions_{*loop_, stats_};
  session::WorkerServices services_{.loop = *loop_,
                                    .buffers = buffers_,
                                    .stats = stats_,
                                    .sessions = sessions_,
                                    .access_log = nullptr,
                                    .via = via_,
                                    .deflate{16, session::DeflateCountersOf(stats_)}};
  std::shared_ptr<const session::Snapshot> snapshot_;
  std::optional<session::Backends> backends_;
};

TEST_F(EndedSessions, NothingReachesAnHttp1Connection) {
  const std::string slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string states[] = {"",
                                "GET /up HT",
                                kGetUp,
                                slow,
                                slow + kGetUp,
                                "nonsense\r\n\r\n",
                                "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"};
  for (const std::string& sent : states) {
    const Listening listening = ListenAnywhere();
    Peer client(listening.address);
    net::Socket socket(accept4(listening.socket.fd(), nullptr, nullptr, SOCK_NONBLOCK));
    auto& connection = sessions_.Add(std::make_unique<session::ClientConnection>(
        services_, *backends_, snapshot_->listeners[0], std::move(socket), listening.address, Leases()));
    if (!sent.empty()) client.Send(sent);
    for (int i = 0; i < 4; ++i) Turn();
    client.Take();
    fakes::EndAmidEveryEvent(*loop_, connection, [&connection] { connection.Abort(); });
    EXPECT_TRUE(sessions_.empty()) << sent;
    EXPECT_EQ(client.Heard(), "") << sent;
    EXPECT_TRUE(client.ended()) << sent;
    PassAnHour();
  }
}

TEST_F(EndedSessions, NothingReachesAnHttp2Connection) {
  const std::string get = http2::Headers(1, "\x82\x84\x86" + http2::Literal(":authority", "a"));
  const std::string states[] = {
      std::string(http2::kPreface),
      http2::Opening(),
      http2::Opening() + get,
      http2::Opening() + http2::Headers(1, http2::PostBlock(), http2::kEndHeaders),
      http2::Opening() + http2::Headers(1, http2::GetBlock(), 0),
      http2::Opening() + get + http2::Frame(http2::kData, 0, 1, "for a stream that has ended")};
  for (const bool through_its_session : {false, true}) {
    for (size_t state = 0; state < std::size(states); ++state) {
      fakes::FakeStream client;
      auto& connection = sessions_.Add(std::make_unique<session::Http2Connection>(
          services_, *backends_,
          session::Http2Connection::Parts{.stream = std::make_unique<fakes::LentStream>(client),
                                          .listener = snapshot_->listeners[0],
                                          .peer = silent_.address,
                                          .leases = Leases()}));
      client.Feed(states[state]);
      for (int i = 0; i < 4; ++i) {
        client.Deliver();
        Turn();
      }
      ASSERT_FALSE(sessions_.empty()) << state;
      event::IoHandler& handler = through_its_session ? *client.handler() : connection;
      int calls = 0;
      fakes::EndAmidEveryEvent(*loop_, handler, [&] {
        connection.Abort();
        calls = client.calls();
      });
      EXPECT_TRUE(sessions_.empty()) << state;
      EXPECT_TRUE(client.closed()) << state;
      PassAnHour();
      EXPECT_EQ(client.calls(), calls) << state;
    }
  }
}

// A connection's own end, by its client or by its deadline, in the turn in which the server aborts it.
TEST_F(EndedSessions, TheServerMayAbortAConnectionInTheTurnOfItsOwnEnd) {
  for (const bool abort_first : {true, false}) {
    for (const bool by_deadline : {true, false}) {
      const Listening listening = ListenAnywhere();
      Peer client(listening.address);
      net::Socket socket(accept4(listening.socket.fd(), nullptr, nullptr, SOCK_NONBLOCK));
      session::Sessions sessions(*loop_, stats_);
      session::WorkerServices services{.loop = *loop_,
                                       .buffers = buffers_,
                                       .stats = stats_,
                                       .sessions = sessions,
                                       .access_log = nullptr,
                                       .via = via_,
                                       .deflate{16, session::DeflateCountersOf(stats_)}};
      sessions.Add(std::make_unique<session::ClientConnection>(
          services, *backends_, snapshot_->listeners[0], std::move(socket), listening.address, Leases()));
      Turn();
      by_deadline ? clock_.Advance(1h) : client.Close();
      fakes::InTurn turn(*loop_);
      const auto abort = [&sessions] { sessions.Abort(http::Reject::kShutdown); };
      abort_first ? turn.First(abort) : turn.Last(abort);
      Turn();
      EXPECT_TRUE(sessions.empty());
      PassAnHour();
    }
  }
}

}  // namespace
}  // namespace hawser::server
