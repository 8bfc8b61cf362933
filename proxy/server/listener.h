// One worker's share of one address: accepts connections, asks the tables of the edge before it spends
// anything on a client, and starts a ClientConnection. Owned by its worker; loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/base/log_gate.h"
#include "proxy/edge/connection_cap.h"
#include "proxy/edge/ip_table.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/net/socket.h"
#include "proxy/session/backends.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"

namespace hawser::server {

// What all workers of a server share at the edge.
struct Edge {
  explicit Edge(const session::Snapshot& snapshot);
  edge::IpTable ip_table;
};

class Listener final : public event::IoHandler {
 public:
  Listener(session::WorkerServices& services, session::Backends& backends, Edge& edge,
           std::shared_ptr<const session::ListenerRuntime> runtime, net::Socket socket);
  ~Listener() override;

  absl::Status Start();
  // From now on the socket is that listener's, which may have another name. Returns the one before.
  std::shared_ptr<const session::ListenerRuntime> Serve(
      std::shared_ptr<const session::ListenerRuntime> runtime) {
    return std::exchange(runtime_, std::move(runtime));
  }
  // Accepts what the kernel has already queued, then closes the socket. Idempotent.
  void Stop();
  void OnReady(event::Ready ready) override;

 private:
  // Accepts one connection, and up to `most` until `end`.
  void AcceptBatch(int most, base::TimePoint end);
  enum class Accepted : uint8_t {
    kOne,     // or one has failed, and the next may do better
    kNobody,  // waits
    kNoRoom,  // errno says what there is none of
  };
  Accepted Accept();
  void Admit(net::Socket socket, const net::SocketAddress& peer);
  void Refuse(net::Socket socket, const net::SocketAddress& peer, http::Reject reason);
  // Closes connections that ask for nothing, where less than the reserve is left.
  void MakeRoom(const edge::ConnectionCap& cap);
  // One of this listener or of any. False: there is none.
  bool EvictForConnection(session::Sessions::Left left);
  bool EvictForDescriptor(session::Sessions::Left left = session::Sessions::Left::kNothing);
  bool Evict(std::optional<uint32_t> listener, std::string_view scarce, session::Sessions::Left left);
  bool HasDescriptors() const;
  bool SomebodyWaits() const;
  void Pause();

  session::WorkerServices& services_;
  session::Backends& backends_;
  Edge& edge_;
  std::shared_ptr<const session::ListenerRuntime> runtime_;
  net::Socket socket_;
  event::Target target_;
  event::Timer resume_;  // armed while accepting is paused for want of descriptors
  base::LogGate refusals_;
  base::LogGate failures_;
  base::LogGate evictions_;
};

}  // namespace hawser::server
