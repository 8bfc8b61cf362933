// A listener of a worker that has no thread, and limits of open files.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <sys/resource.h>

#include "gtest/gtest.h"
#include "proxy/event/loop.h"
#include "proxy/server/listener.h"
#include "proxy/session/offload.h"
#include "proxy/session/sessions.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/server/fixture.h"

namespace hawser::server {

using namespace std::chrono_literals;
using stats::Metric;

class ListenerTest : public testing::Test {
 protected:
  // /up is answered; the backend of all else is connected to, and never says a word.
  void Start(const std::string& listener = "", const std::string& top = "") {
    std::string yaml = AnswersUp(listener, top);
    yaml.insert(yaml.rfind(" ]"), ", { match: { path_prefix: / }, cluster: silent }");
    yaml += "clusters: [ { name: silent, endpoints: [ \"" + silent_.address.ToString() + "\" ] } ]\n";
    snapshot_ = SnapshotOf(yaml);
    ASSERT_NE(snapshot_, nullptr);
    edge_ = std::make_unique<Edge>(*snapshot_);
    backends_ =
        std::make_unique<session::Backends>(*loop_, buffers_, stats_, stick_table_, snapshot_, services_.random);
    Listening listening = ListenAnywhere();
    address_ = listening.address;
    listener_ = std::make_unique<Listener>(services_, *backends_, *edge_, snapshot_->listeners[0],
                                           std::move(listening.socket));
    ASSERT_TRUE(listener_->Start().ok());
  }
  ~ListenerTest() override {
    listener_.reset();
    sessions_.Abort(http::Reject::kShutdown);
    Turn();
    EXPECT_EQ(buffers_.in_use(), 0U);
    EXPECT_TRUE(edge_->ip_table.Top(1).empty()) << "no lease may outlive its connection";
  }

  void Turn() { loop_->RunOnce(0ms); }
  void Pass(base::Duration time) {
    clock_.Advance(time + 1ms);
    Turn();
  }
  uint64_t Counted(Metric metric) { return TotalsOf(stats_)[metric]; }
  uint64_t Counted(http::Reject reject) { return TotalsOf(stats_).rejects[static_cast<size_t>(reject)]; }
  Peer Connect() { return Peer(address_); }
  // One that has asked and waits for its backend.
  Peer ConnectBusy() {
    Peer peer = Connect();
    Turn();
    peer.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    Turn();
    return peer;
  }

  const Listening silent_ = ListenAnywhere();
  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create(clock_.reader())).value();
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
  std::unique_ptr<session::Backends> backends_;
  std::unique_ptr<Edge> edge_;
  net::SocketAddress address_;
  std::unique_ptr<Listener> listener_;
};

// On open files, while it lives.
class Limit {
 public:
  explicit Limit(rlim_t files) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{.rlim_cur = files, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~Limit() { setrlimit(RLIMIT_NOFILE, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  rlimit before_;
};

}  // namespace hawser::server
