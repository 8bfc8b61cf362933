// A WebSocket backend for `hawser demo`: it greets, echoes every frame, answers pings, and serves the demo's
// page and figures over plain HTTP. Several of them share one thread and its loop. It trusts its peer, the
// proxy, to have inspected what arrives.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/event/loop.h"
#include "proxy/net/buffer.h"
#include "proxy/net/socket.h"

namespace hawser::demo {

struct BackendSpec {
  std::string_view name;
  std::string_view color;  // CSS
};

class EchoBackend final : public event::IoHandler {
 public:
  // Listens on a free port of 127.0.0.1. `figures` makes the JSON of /demo/stats, on the loop's thread. Both
  // outlive it.
  static absl::StatusOr<std::unique_ptr<EchoBackend>> Listen(event::Loop& loop, BackendSpec spec,
                                                             absl::AnyInvocable<std::string()>& figures);
  ~EchoBackend() override;

  const net::SocketAddress& address() const { return address_; }
  std::string_view name() const { return spec_.name; }
  size_t open() const { return open_; }

 private:
  class Connection;
  EchoBackend(event::Loop& loop, BackendSpec spec, absl::AnyInvocable<std::string()>& figures,
              net::Socket socket, net::SocketAddress address);
  void OnReady(event::Ready ready) override;

  event::Loop& loop_;
  const BackendSpec spec_;
  absl::AnyInvocable<std::string()>& figures_;
  net::Socket socket_;
  event::Target target_{*this, 0};
  const net::SocketAddress address_;
  net::BufferPool buffers_;
  size_t open_ = 0;  // WebSockets
  base::IntrusiveList<Connection> connections_;
};

}  // namespace hawser::demo
