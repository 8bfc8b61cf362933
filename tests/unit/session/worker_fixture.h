// What sessions borrow, for tests: the services of a worker whose clock stands still, a snapshot with one
// listener, one route and one cluster, and backends for it. A backend is a port of this process, or a
// scripted stream that the pool has kept: so every byte and every fault of it is the test's.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/http1/client_stream.h"
#include "proxy/net/socket.h"
#include "proxy/session/backends.h"
#include "proxy/session/offload.h"
#include "proxy/session/sessions.h"
#include "proxy/session/worker_services.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/lent_stream.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::session {

using namespace std::chrono_literals;

// A port of this process. Connections to it wait in the kernel until the test accepts them.
struct Port {
  net::Socket socket = net::Listen(net::SocketAddress::Parse("127.0.0.1:0").value(), {}).value();
  net::SocketAddress address = net::LocalAddress(socket).value();

  // An invalid socket where nobody has connected.
  net::Socket Accept() const {
    net::SocketAddress peer;
    return net::Accept(socket, peer);
  }
};

// What has come on a socket so far.
inline std::string Heard(const net::Socket& socket) {
  std::string all(1 << 20, '\0');
  const ssize_t got = recv(socket.fd(), all.data(), all.size(), MSG_DONTWAIT);
  all.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return all;
}

inline void Say(const net::Socket& socket, std::string_view text) {
  EXPECT_EQ(send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

class WorkerFixture {
 public:
  using Change = std::function<void(config::Config&)>;

  // `ports`: of the cluster's endpoints. `filters`: of the route.
  explicit WorkerFixture(size_t ports = 1, const Change& change = {},
                         std::vector<std::unique_ptr<const filters::Filter>> filters = {}) {
    for (size_t i = 0; i < ports; ++i) ports_.push_back(std::make_unique<Port>());
    auto config = std::make_unique<config::Config>();
    config->listeners.push_back({.name = "main"});
    config->clusters.push_back({.name = "rooms"});
    for (const auto& port : ports_) config->clusters[0].endpoints.push_back({.address = port->address});
    config->routes.push_back({.name = "all", .cluster = "rooms"});
    if (change) change(*config);
    auto snapshot = std::make_shared<Snapshot>();
    const base::Name main = names_.Intern("main");
    snapshot->listeners.Add(main, std::make_shared<ListenerRuntime>(ListenerRuntime{
                                      .settings = config->listeners[0], .name = main, .port = "80"}));
    snapshot->clusters.Add(
        rooms_, cluster::MakeMembership(std::make_shared<const cluster::Cluster>(config->clusters[0], rooms_),
                                        cluster::TargetsOf(config->clusters[0]), registry_));
    auto route = route::Route::Compile(config->routes[0], names_.Intern("all"), clusters_).value();
    snapshot->routes.Add(route->name, std::make_shared<RouteRuntime>(RouteRuntime{
                                          .route = route, .filters = filters::Chain(std::move(filters))}));
    snapshot->table = std::make_unique<const route::RouteTable>(
        route::RouteTable::Create({std::move(route)}, {&main, 1}).value());
    snapshot->config = std::move(config);
    backends = std::make_unique<Backends>(*loop, buffers, stats, stick_table_, std::move(snapshot), services.random);
  }

  ~WorkerFixture() {
    EndAll();
    for (size_t i = 0; i < ports_.size(); ++i) EXPECT_EQ(endpoint(i).active(), 0);
    EXPECT_EQ(buffers.in_use(), 0U) << "no slab may outlive its session";
  }

  // For who owns streams that sessions or the pool still have.
  void EndAll() {
    sessions.Abort(http::Reject::kShutdown);
    backends->pool().Abort();
    Turn();
  }

  void Turn() { loop->RunOnce(0ms); }
  // So much time, and a timer's tick, passes; then there is a turn.
  void Pass(base::Duration time) {
    clock.Advance(time + 2ms);
    Turn();
  }
  // The next turn delivers `stream`'s events, before its timers.
  void TellInNextTurn(fakes::FakeStream& stream) {
    const event::Interest wanted = stream.interest();
    if (stream.handler() == nullptr || stream.closed()) return;
    if (!wanted.read && !wanted.write) return;
    loop->Soon(*stream.handler(), {.readable = wanted.read, .writable = wanted.write, .tag = stream.tag()});
  }

  // Makes `stream` a connection that the pool has kept for the endpoint, with nothing said on it yet.
  void Keep(fakes::FakeStream& stream, size_t port = 0) {
    Nobody nobody;
    const auto& cluster = backends->Find(rooms_)->membership().cluster();
    // The pool keeps connections of endpoints only that it has been asked for.
    const uint64_t transport =
        backends->pool().Begin(cluster, endpoint(port), {.websocket = true}, nobody, 0)->transport();
    while (ports_[port]->Accept().open()) {
    }
    auto first = std::make_unique<http1::ClientStream>(*loop, std::make_unique<fakes::LentStream>(stream));
    first->Watch(&nobody, 0);
    EXPECT_TRUE(first->SendRequest({.method = "GET", .target = "/", .authority = "a"}, nullptr));
    EXPECT_EQ(first->Write({}).state, net::IoState::kOk);
    stream.Feed("HTTP/1.1 204 No Content\r\n\r\n");
    http::ResponseHead head;
    EXPECT_EQ(first->ReadResponse(head), http::ClientStream::HeadState::kFinal);
    backends->pool().Return(endpoint(port), transport, std::move(first));
    EXPECT_FALSE(stream.closed());
    stream.TakeWritten();
  }

  cluster::Endpoint& endpoint(size_t port = 0) {
    return *backends->Find(rooms_)->membership().Find(ports_[port]->address.ToString());
  }
  const base::Name& rooms() const { return rooms_; }  // the cluster
  const Port& port(size_t index = 0) const { return *ports_[index]; }
  // Connections to it are refused from now on.
  void ClosePort(size_t index = 0) { ports_[index]->socket.Reset(); }
  const std::shared_ptr<const ListenerRuntime>& listener() const {
    return backends->snapshot()->listeners[0];
  }

  stats::Totals totals() const {
    stats::Totals totals;
    stats.AddTo(totals);
    return totals;
  }
  uint64_t Counted(stats::Metric metric) const { return totals()[metric]; }
  uint64_t Counted(http::Reject reject) const { return totals().rejects[static_cast<size_t>(reject)]; }

 private:
  struct Nobody final : event::IoHandler {
    void OnReady(event::Ready) override {}
  };

  base::NameTable names_;
  base::NameTable clusters_;
  const base::Name rooms_ = clusters_.Intern("rooms");
  std::vector<std::unique_ptr<Port>> ports_;
  cluster::EndpointRegistry registry_;
  cluster::StickTable stick_table_{16, 1min};
  const http::Via via_{1};

 public:
  fakes::SteppedClock clock;
  std::unique_ptr<event::Loop> loop = std::move(*event::Loop::Create(clock.reader()));
  net::BufferPool buffers;
  stats::WorkerStats stats;
  Sessions sessions{*loop, stats};
  WorkerServices services{.loop = *loop,
                          .buffers = buffers,
                          .stats = stats,
                          .sessions = sessions,
                          .access_log = nullptr,
                          .via = via_,
                          .deflate{16, DeflateCountersOf(stats)}};
  std::unique_ptr<Backends> backends;
};

}  // namespace hawser::session
