// The admin listener: a small HTTP/1.1 server on the main thread's loop, one request per connection. It
// answers GET and HEAD for its pages (pages.h) and changes nothing. Probes and operators need it when
// something is wrong, so it answers even when all other descriptors are in use (net::KeepDescriptors), and
// closes its oldest idle connection when there are too many.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/admin/pages.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/net/buffer.h"
#include "proxy/net/socket.h"

namespace hawser::admin {

class AdminServer final : public event::IoHandler {
 public:
  // Makes the page at `path` (without a query) and gives it to `reply`, at once or later; `evictions` of
  // connections so far.
  using Render = absl::AnyInvocable<void(std::string_view path, uint64_t evictions, Reply reply)>;

  // Listens on settings.address, which there must be, for as long as it lives. The loop and `settings` must
  // outlive it.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Listen(event::Loop& loop, const config::Admin& settings,
                                                             Render render);
  ~AdminServer() override;

  // Where it is really bound.
  const net::SocketAddress& address() const { return address_; }

 private:
  class Connection;

  AdminServer(event::Loop& loop, const config::Admin& settings, Render render, net::Socket socket,
              net::SocketAddress address);
  void OnReady(event::Ready ready) override;
  bool Evict();
  void Pause();
  void Serve(uint64_t id, std::string_view path);
  void Drop(uint64_t id);

  event::Loop& loop_;
  const config::Admin& settings_;
  Render render_;
  net::Socket socket_;
  event::Target target_{*this, 0};
  const net::SocketAddress address_;
  event::Timer resume_;  // armed while accepting is paused for want of descriptors
  uint64_t evictions_ = 0;
  uint64_t next_id_ = 0;
  net::BufferPool buffers_{8};  // outlives the connections
  // By number, so that a late page finds its connection or finds that it has gone. The oldest comes first.
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace hawser::admin
