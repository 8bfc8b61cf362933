#include "proxy/cluster/pool.h"

#include <array>
#include <utility>

#include "proxy/http1/client_stream.h"
#include "proxy/net/tcp_stream.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::cluster {
namespace {

constexpr uint8_t kStreamTag = 0;
constexpr uint8_t kTimerTag = 1;

// Nothing has come since the last response: no end, no error, no byte.
bool Silent(net::ByteStream& stream) {
  std::array<std::byte, 1> one;
  const net::IoResult got = stream.Read(one);
  return got.state == net::IoState::kBlocked && got.bytes == 0;
}

// What the backend's certificate must carry.
std::string NameOf(const config::BackendTls& settings, const Endpoint& endpoint) {
  if (settings.server_name) return *settings.server_name;
  const net::SocketAddress& address = endpoint.address();
  return address.unix_socket() ? std::string() : address.ip().ToString();
}

}  // namespace

class Pool::Idle final : public event::IoHandler, public base::ListLink {
 public:
  Idle(Pool& pool, Place& place, std::unique_ptr<net::ByteStream> stream, base::Duration timeout)
      : pool_(pool), place_(place), stream_(std::move(stream)), timer_(*this, kTimerTag) {
    pool_.loop_.Arm(timer_, timeout);
    stream_->Watch(this, kStreamTag);
    stream_->Want({.read = true});
  }

  // A TLS connection may wake up for a session ticket, which is nothing that ends it.
  void OnReady(event::Ready ready) override {
    if (stream_ == nullptr || (!ready.timer && Silent(*stream_))) return;
    stream_->Close(net::CloseReason::kOrderly);
    pool_.Drop(*this);
  }

  std::unique_ptr<net::ByteStream> Take() {
    stream_->Want({});
    pool_.loop_.Forget(*this, kStreamTag);
    return std::move(stream_);
  }
  void Close() { stream_->Close(net::CloseReason::kOrderly); }
  Place& place() const { return place_; }

 private:
  Pool& pool_;
  Place& place_;
  std::unique_ptr<net::ByteStream> stream_;  // null once taken
  event::Timer timer_;
};

Pool::~Pool() {
  CloseIdle();
}

Attempt Pool::Begin(const Cluster& cluster, Endpoint& endpoint, Need need) {
  Attempt attempt;
  auto& place = places_[&endpoint];
  if (place == nullptr) place = std::make_unique<Place>();
  if (!need.websocket && !need.fresh) {
    if (auto kept = TakeIdle(*place)) {
      attempt.reused_ = true;
      attempt.stream_ = std::make_unique<http1::ClientStream>(loop_, std::move(kept), true);
      return attempt;
    }
  }
  Connection connection = Connect(endpoint);
  attempt.lease_ = std::move(connection.lease);
  attempt.error_ = connection.error;
  if (connection.error != ConnectError::kNone) {
    attempt.state_ = Attempt::State::kFailed;
    return attempt;
  }
  attempt.stream_ = std::make_unique<http1::ClientStream>(
      loop_, Secure(cluster, endpoint, std::move(connection.socket)), false);
  return attempt;
}

std::unique_ptr<net::ByteStream> Pool::Secure(const Cluster& cluster, const Endpoint& endpoint,
                                              net::Socket socket) {
  if (cluster.tls().http1 == nullptr) return std::make_unique<net::TcpStream>(loop_, std::move(socket));
  return std::make_unique<tls::TlsStream>(loop_, buffers_, *cluster.tls().http1, std::move(socket),
                                          NameOf(*cluster.settings().tls, endpoint),
                                          places_[&endpoint]->sessions);
}

// The one that was used last is the likeliest to be alive.
std::unique_ptr<net::ByteStream> Pool::TakeIdle(Place& place) {
  while (Idle* idle = place.idle.back()) {
    auto stream = idle->Take();
    Drop(*idle);
    if (Silent(*stream)) return stream;
    stream->Close(net::CloseReason::kOrderly);
  }
  return nullptr;
}

void Pool::Keep(const Cluster& cluster, const Endpoint& endpoint,
                std::unique_ptr<http::ClientStream> stream) {
  auto transport = stream->TakeIdle();
  if (transport == nullptr) return stream->Close(net::CloseReason::kOrderly);
  const auto found = places_.find(&endpoint);
  const config::IdleConnections& settings = cluster.settings().idle_connections;
  if (found == places_.end() || found->second->count >= settings.max) {
    return transport->Close(net::CloseReason::kOrderly);
  }
  Place& place = *found->second;
  // Owned by the list from here on; taken back by Drop.
  place.idle.PushBack(
      *std::make_unique<Idle>(*this, place, std::move(transport), settings.timeout).release());
  ++place.count;
  ++idle_total_;
}

void Pool::Drop(Idle& idle) {
  --idle.place().count;
  --idle_total_;
  idle.Unlink();
  loop_.Retire(std::unique_ptr<event::IoHandler>(&idle));
}

void Pool::CloseIdle() {
  for (auto& [endpoint, place] : places_) {
    while (Idle* idle = place->idle.back()) {
      idle->Close();
      Drop(*idle);
    }
  }
}

}  // namespace hawser::cluster
