// The admin listener: a small HTTP/1.1 server on the main thread's loop, one request a connection. It answers GET and
// HEAD of the pages in pages.h and changes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "proxy/admin/pages.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/net/socket.h"
#include "proxy/server/server.h"

namespace hawser::admin {

class AdminServer final : public event::IoHandler {
 public:
  // Listens on `address` for as long as it lives. `server` must outlive it.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Listen(server::Server& server,
                                                             const net::SocketAddress& address);
  ~AdminServer() override;

  // Where it is really bound.
  const net::SocketAddress& address() const { return address_; }

 private:
  class Connection;

  // More than this are not served at once: an admin port has few friends.
  static constexpr size_t kMostConnections = 64;

  AdminServer(server::Server& server, net::Socket socket, net::SocketAddress address);
  void OnReady(event::Ready ready) override;
  void Pause();
  void Answer(uint64_t id, const Page& page);
  void Drop(uint64_t id);

  server::Server& server_;
  net::Socket socket_;
  event::Target target_{*this, 0};
  const net::SocketAddress address_;
  event::Timer resume_;  // armed while accepting is paused for want of descriptors
  uint64_t next_id_ = 0;
  // By number, so that an answer that took its time finds its connection gone rather than dead.
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace hawser::admin
