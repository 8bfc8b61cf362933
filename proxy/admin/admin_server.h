// The admin listener: a small HTTP/1.1 server on the main thread's loop, one request per connection. Probes
// and operators need it when something is wrong, so it answers even when all other descriptors are in use
// (net::KeepDescriptors), and closes its oldest idle connection when there are too many. It may be given
// other settings and another socket at any time: connections that are open go on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "config/schema.h"
#include "proxy/admin/pages.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/head.h"
#include "proxy/net/buffer.h"
#include "proxy/net/socket.h"

namespace hawser::admin {

class AdminServer final : public event::IoHandler {
 public:
  // Gives the page that `request` asks for to `reply`, at once or later.
  using Render = absl::AnyInvocable<void(const Request& request, Reply reply)>;

  // Listens nowhere yet. The loop must outlive it.
  AdminServer(event::Loop& loop, Render render);
  ~AdminServer() override;

  // From here on `settings` hold, also for connections that are open. `socket` listens on settings.address;
  // it is not open where the address is as before, or where there is none: then nothing is listened on. What
  // was listened on before is closed. The file of a Unix socket is left to the caller, who knows whether
  // another listener has it now; only the destructor removes one. After an error nothing has changed.
  absl::Status Apply(const config::Admin& settings, net::Socket socket);

  bool listening() const { return socket_.open(); }
  // Where it is really bound; while it is listening.
  const net::SocketAddress& address() const { return address_; }

 private:
  class Connection;

  void OnReady(event::Ready ready) override;
  void AcceptAll();
  bool Evict();
  void Pause();
  void StopListening();
  void Serve(uint64_t id, const http::RequestHead& head, bool any_host);
  void Drop(uint64_t id);

  event::Loop& loop_;
  config::Admin settings_;
  Render render_;
  net::Socket socket_;
  event::Target target_{*this, 0};
  net::SocketAddress address_;
  event::Timer resume_;  // armed while accepting is paused for want of descriptors
  Counts counts_;
  uint64_t next_id_ = 0;
  net::BufferPool buffers_{8};  // outlives the connections
  // By number, so that a late page finds its connection or finds that it has gone. The oldest comes first.
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace hawser::admin
