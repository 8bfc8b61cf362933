// The floor does only what every proxy on epoll must do: accept, connect, then recv and send between the two
// sockets, level-triggered, through one buffer that the process shares (or a pipe). Nothing is parsed; the
// end of either side ends both. One thread. It is built to be measured, not to face a network.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include <sys/epoll.h>

#include "bench/floor/end.h"
#include "bench/floor/splice.h"
#include "proxy/net/address.h"

namespace hawser::bench {

struct RelayOptions {
  net::SocketAddress backend;
  SSL_CTX* tls = nullptr;  // set: clients speak TLS
  size_t buffer_bytes = 16 * 1024;
  bool splice = false;
};

// What one direction could not send yet: bytes, or a pipe that holds some.
struct Held {
  std::vector<std::byte> bytes;
  size_t sent = 0;
  std::unique_ptr<Pipe> pipe;
};

// ends[0] is the client, ends[1] the backend; held[i] came from ends[i]. Nothing is read from an end that
// holds some.
struct Tunnel {
  std::array<End, 2> ends;
  std::array<std::unique_ptr<Held>, 2> held;
  uint32_t index;  // in Relay::tunnels_
  bool dead = false;
};

class Relay {
 public:
  explicit Relay(RelayOptions options);

  // Serves connections of `listening` until the process ends.
  void Run(const net::Socket& listening);

 private:
  void Accept(const net::Socket& listening);
  void OnReady(Tunnel& tunnel, size_t side, uint32_t events);
  bool Move(Tunnel& tunnel, size_t side);
  bool MoveByCopy(Tunnel& tunnel, size_t side);
  bool MoveBySplice(Tunnel& tunnel, size_t side);
  bool SendHeld(Tunnel& tunnel, size_t side);
  void UpdateInterest(Tunnel& tunnel, size_t side);
  void Close(Tunnel& tunnel);
  void Bury();

  const RelayOptions options_;
  net::Socket epoll_;
  PipePool pipes_;
  std::vector<std::byte> scratch_;
  std::vector<std::unique_ptr<Tunnel>> tunnels_;
  std::vector<Tunnel*> dead_;  // freed when the turn ends: their other end's event may still come
};

}  // namespace hawser::bench
