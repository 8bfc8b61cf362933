#include "proxy/cluster/pool.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/cluster/shared_connection.h"
#include "proxy/http1/client_stream.h"
#include "proxy/net/tcp_stream.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::cluster {
namespace {

constexpr uint8_t kStreamTag = 0;
constexpr uint8_t kIdleTimerTag = 1;

// Whether nothing has come since the last response: no end, no error, no byte.
bool Silent(net::ByteStream& stream) {
  std::array<std::byte, 1> one;
  const net::IoResult got = stream.Read(one);
  return got.state == net::IoState::kBlocked && got.bytes == 0;
}

// What the backend's certificate must carry.
std::string NameOf(const config::BackendTls& settings, const Endpoint& endpoint) {
  if (settings.server_name) return *settings.server_name;
  if (!endpoint.tls_name().empty()) return endpoint.tls_name();
  const net::SocketAddress& address = endpoint.address();
  return address.unix_socket() ? std::string() : address.ip().ToString();
}

}  // namespace

class Pool::Idle final : public event::IoHandler, public base::ListLink {
 public:
  Idle(Pool& pool, EndpointConnections& connections, std::unique_ptr<net::ByteStream> stream,
       base::Duration timeout)
      : pool_(pool),
        connections_(connections),
        lease_(*connections.endpoint),
        stream_(std::move(stream)),
        timer_(*this, kIdleTimerTag) {
    pool_.loop_.Arm(timer_, timeout);
    stream_->Watch(this, kStreamTag);
    stream_->Want({.read = true});
  }

  // A TLS connection may wake up for a session ticket, which does not end it.
  void OnReady(event::Ready ready) override {
    HAWSER_DCHECK(stream_ != nullptr);
    if (ready.timer || !Silent(*stream_)) End();
  }

  // Nothing is done with it after one of the two, though its end and its timer may be due in the same turn.
  std::unique_ptr<net::ByteStream> Take() {
    HAWSER_DCHECK(stream_ != nullptr);
    stream_->Watch(&pool_.nobody_, kStreamTag);
    auto stream = std::move(stream_);
    Leave();
    return stream;
  }
  void End() {
    stream_->Close(net::CloseReason::kOrderly);
    Leave();
  }

 private:
  // From here on neither the stream nor the timer calls anybody.
  void Leave() {
    HAWSER_DCHECK(linked() && connections_.idle_count > 0);
    timer_.Cancel();
    lease_.Release();
    --connections_.idle_count;
    Unlink();
    pool_.loop_.Retire(std::unique_ptr<event::IoHandler>(this));
  }

  Pool& pool_;
  EndpointConnections& connections_;  // not used once it has left
  IdleLease lease_;
  std::unique_ptr<net::ByteStream> stream_;  // null once taken
  event::Timer timer_;
};

std::unique_ptr<net::ByteStream> Pool::MakeTcpStream(event::Loop& loop, net::Socket socket) {
  return std::make_unique<net::TcpStream>(loop, std::move(socket));
}

Pool::~Pool() {
  Abort();
  for (auto& [endpoint, connections] : by_endpoint_) {
    HAWSER_DCHECK(connections->shared.empty() && connections->idle.empty() && connections->idle_count == 0);
  }
}

void Pool::Abort() {
  closing_ = true;
  for (auto& [endpoint, connections] : by_endpoint_) Abort(*connections);
  for (const auto& retired : retired_) {
    if (const auto connections = retired.lock()) Abort(*connections);
  }
}

void Pool::Abort(EndpointConnections& connections) {
  CloseIdle(connections);
  while (SharedConnection* shared = connections.shared.front()) shared->Abort();
}

void Attempt::Give(std::unique_ptr<http::ClientStream> stream, uint64_t connection) {
  HAWSER_DCHECK(state_ == State::kWaiting && stream != nullptr && !linked());
  stream_ = std::move(stream);
  connection_ = connection;
  state_ = State::kReady;
  NotifyOwner();
}

void Attempt::Fail(ConnectError error, std::string_view text) {
  HAWSER_DCHECK(state_ == State::kWaiting && error != ConnectError::kNone && !linked());
  error_ = error;
  error_text_ = text;
  state_ = State::kFailed;
  NotifyOwner();
}

void Attempt::NotifyOwner() {
  if (waited_) loop_.Soon(owner_, {.tag = tag_});
}

std::unique_ptr<Attempt> Pool::Begin(const std::shared_ptr<const Cluster>& cluster, Endpoint& endpoint,
                                     Need need, event::IoHandler& owner, uint8_t tag) {
  auto attempt = std::make_unique<Attempt>(loop_, endpoint, need, owner, tag);
  ConnectionsPtr& connections = by_endpoint_[&endpoint];
  if (connections == nullptr) {
    connections = Make(endpoint.shared_from_this(), cluster);
  } else {
    SetCluster(connections, cluster);
  }
  const ConnectionsPtr kept = connections;
  Serve(kept, *attempt);
  LetGo(*kept);
  attempt->waited_ = attempt->state() == Attempt::State::kWaiting;
  return attempt;
}

Pool::ConnectionsPtr Pool::Make(const std::shared_ptr<Endpoint>& endpoint,
                                const std::shared_ptr<const Cluster>& cluster) {
  return ConnectionsPtr(new EndpointConnections{
      .endpoint = endpoint, .cluster = cluster, .number = ++made_, .brief = endpoint->draining()});
}

void Pool::SetCluster(const Endpoint& endpoint, const std::shared_ptr<const Cluster>& cluster) {
  const auto found = by_endpoint_.find(&endpoint);
  if (found != by_endpoint_.end()) SetCluster(found->second, cluster);
}

void Pool::SetCluster(ConnectionsPtr& current, const std::shared_ptr<const Cluster>& cluster) {
  if (current->cluster == cluster) return;
  if (*current->cluster->transport() == *cluster->transport()) {
    current->cluster = cluster;
  } else {
    Retire(std::exchange(current, Make(current->endpoint, cluster)));
  }
}

void Pool::Forget(const Endpoint& endpoint) {
  const auto found = by_endpoint_.find(&endpoint);
  if (found == by_endpoint_.end()) return;
  const ConnectionsPtr connections = std::move(found->second);
  by_endpoint_.erase(found);
  Retire(connections);
}

// A request under way may try an endpoint that has been forgotten: nobody would forget it again.
void Pool::LetGo(const EndpointConnections& connections) {
  if (closing_ || !connections.brief || !connections.shared.empty()) return;
  const auto found = by_endpoint_.find(connections.endpoint.get());
  if (found != by_endpoint_.end() && found->second.get() == &connections) by_endpoint_.erase(found);
}

void Pool::Retire(const ConnectionsPtr& connections) {
  while (Idle* idle = connections->idle.back()) idle->End();
  connections->shared.ForEach([](SharedConnection& shared) { shared.Retire(); });
  std::erase_if(retired_, [](const auto& retired) { return retired.expired(); });
  if (!connections->shared.empty()) retired_.push_back(connections);
}

void Pool::ServeAnew(Attempt& attempt) {
  attempt.opened_ = false;
  Serve(attempt);
}

void Pool::Serve(Attempt& attempt) {
  const auto found = by_endpoint_.find(&attempt.endpoint());
  if (found != by_endpoint_.end()) return Serve(found->second, attempt);
  attempt.Fail(ConnectError::kFailed, "it has left the cluster");
}

void Pool::Serve(const ConnectionsPtr& connections, Attempt& attempt) {
  HAWSER_DCHECK(attempt.state() == Attempt::State::kWaiting && !attempt.linked());
  if (closing_) return attempt.Fail(ConnectError::kShutDown, "hawser ends its connections");
  attempt.transport_ = connections->number;
  const bool may_share = connections->cluster->transport()->may_share();
  const bool shares = may_share && loop_.now() >= connections->http1_until &&
                      (!attempt.need().websocket || loop_.now() >= connections->websockets_http1_until);
  shares      ? ServeShared(connections, attempt)
  : may_share ? FallBack(*connections, attempt)
              : ServeAlone(*connections, attempt);
}

void Pool::FallBack(EndpointConnections& connections, Attempt& attempt) {
  attempt.endpoint().CountHttp1Fallback();
  ServeAlone(connections, attempt);
}

void Pool::ServeAlone(EndpointConnections& connections, Attempt& attempt) {
  const Cluster& cluster = *connections.cluster;
  if (!attempt.need().websocket && !attempt.need().failed_on) {
    if (auto kept = TakeIdle(connections))
      return attempt.Give(std::make_unique<http1::ClientStream>(loop_, std::move(kept)));
  }
  Connection connection = ConnectWithinLimits(attempt.endpoint(), cluster.settings());
  attempt.opened_ = connection.error != ConnectError::kFull;
  if (connection.error != ConnectError::kNone) return attempt.Fail(connection.error, connection.why);
  attempt.lease_ = std::move(connection.lease);
  std::unique_ptr<net::ByteStream> stream;
  if (cluster.transport()->http1 == nullptr) {
    stream = make_stream_(loop_, std::move(connection.socket));
  } else {
    stream = Secure(*cluster.transport()->http1, connections, std::move(connection.socket));
  }
  attempt.Give(std::make_unique<http1::ClientStream>(loop_, std::move(stream)));
}

void Pool::ServeShared(const ConnectionsPtr& connections, Attempt& attempt) {
  base::IntrusiveList<SharedConnection>& open = connections->shared;
  for (SharedConnection* shared = open.front(); shared != nullptr; shared = open.Next(*shared)) {
    if (shared->Serve(attempt)) return;
  }
  // A connection may just have learned something that matters for this attempt.
  if (attempt.need().websocket && loop_.now() < connections->websockets_http1_until)
    return FallBack(*connections, attempt);
  // A new connection would get no more streams than these have, or one has been opened for this attempt
  // already.
  for (SharedConnection* shared = open.front(); shared != nullptr; shared = open.Next(*shared)) {
    if (shared->Hold(attempt)) return;
  }
  if (attempt.opened_)
    return attempt.Fail(ConnectError::kFailed, "it ended its new connection before a request could be sent");
  Connection connection = ConnectWithinLimits(attempt.endpoint(), connections->cluster->settings());
  attempt.opened_ = connection.error != ConnectError::kFull;
  if (connection.error != ConnectError::kNone) return attempt.Fail(connection.error, connection.why);
  // Owned by the list from here on; retires itself when it ends.
  auto* shared =
      std::make_unique<SharedConnection>(*this, connections, std::move(connection), ++http2_begun_).release();
  open.PushBack(*shared);
  shared->Serve(attempt);
  shared->Start();
}

// The stream keeps what it needs of the context.
std::unique_ptr<tls::TlsStream> Pool::Secure(const tls::ClientContext& context,
                                             EndpointConnections& connections, net::Socket socket) {
  const config::BackendTls& settings = *connections.cluster->settings().tls;
  return std::make_unique<tls::TlsStream>(loop_, buffers_, context, std::move(socket),
                                          NameOf(settings, *connections.endpoint), connections.sessions);
}

// The one that was used last is the likeliest to be alive.
std::unique_ptr<net::ByteStream> Pool::TakeIdle(EndpointConnections& connections) {
  while (Idle* idle = connections.idle.back()) {
    auto stream = idle->Take();
    if (Silent(*stream)) return stream;
    stream->Close(net::CloseReason::kOrderly);
  }
  return nullptr;
}

void Pool::Return(const Endpoint& endpoint, uint64_t transport, std::unique_ptr<http::ClientStream> stream) {
  auto [connection, at_most] = stream->TakeIdle();
  if (connection == nullptr) return stream->Close(net::CloseReason::kOrderly);
  const auto found = by_endpoint_.find(&endpoint);
  if (closing_ || found == by_endpoint_.end() || found->second->number != transport || found->second->brief) {
    return connection->Close(net::CloseReason::kOrderly);
  }
  EndpointConnections& connections = *found->second;
  const config::IdleConnections& settings = connections.cluster->settings().idle_connections;
  if (connections.idle_count >= settings.max) return connection->Close(net::CloseReason::kOrderly);
  // Owned by the list from here on; retires itself when it is taken or ends.
  connections.idle.PushBack(*std::make_unique<Idle>(*this, connections, std::move(connection),
                                                    std::min<base::Duration>(settings.timeout, at_most))
                                 .release());
  ++connections.idle_count;
}

void Pool::CloseIdle() {
  for (auto& [endpoint, connections] : by_endpoint_) CloseIdle(*connections);
}

void Pool::CloseIdle(EndpointConnections& connections) {
  connections.shared.ForEach([](SharedConnection& shared) { shared.GoAway(); });
  while (Idle* idle = connections.idle.back()) idle->End();
}

}  // namespace hawser::cluster
