// The admin listener: a small HTTP/1.1 server on the main thread's loop, one request a connection. It answers GET and
// HEAD of the pages in pages.h and changes nothing. It is what probes and operators look at when something is wrong, so it
// answers when descriptors are out (net::KeepDescriptors) and when idle connections crowd it: the oldest makes room.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "proxy/admin/pages.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/net/socket.h"
#include "proxy/server/process_log.h"
#include "proxy/server/server.h"

namespace hawser::admin {

class AdminServer final : public event::IoHandler {
 public:
  // Listens on settings.address, which there must be, for as long as it lives. `server` and `log` must outlive it.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Listen(server::Server& server,
                                                             const server::ProcessLog& log);
  ~AdminServer() override;

  // Where it is really bound.
  const net::SocketAddress& address() const { return address_; }

 private:
  class Connection;

  AdminServer(server::Server& server, const server::ProcessLog& log, net::Socket socket,
              net::SocketAddress address);
  void OnReady(event::Ready ready) override;
  Sources sources() const { return {server_, log_, evictions_}; }
  bool Evict();
  void Pause();
  void Answer(uint64_t id, const Page& page);
  void Drop(uint64_t id);

  server::Server& server_;
  const server::ProcessLog& log_;
  const config::Admin& settings_;
  net::Socket socket_;
  event::Target target_{*this, 0};
  const net::SocketAddress address_;
  event::Timer resume_;  // armed while accepting is paused for want of descriptors
  uint64_t evictions_ = 0;
  uint64_t next_id_ = 0;
  // By number, so that an answer that took its time finds its connection gone rather than dead; the oldest comes first.
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace hawser::admin
