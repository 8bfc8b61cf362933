// What an attack does with its connections. One object a process; what it remembers of a connection stands in
// the connection's slot. Called within a turn of the swarm, which counts, connects, paces and reconnects.
#pragma once

#include <cstddef>
#include <span>

namespace hawser::bench::attack {

class Slot;

class Attack {
 public:
  virtual ~Attack() = default;
  // The connection stands, its TLS handshake included where the swarm makes one. Each call may end it.
  virtual void OnConnected(Slot& slot) = 0;
  // `bytes` are valid until the slot receives again.
  virtual void OnReceived(Slot&, std::span<const std::byte> /*bytes*/) {}
  // There is room for more, and the slot was told to await it.
  virtual void OnWritable(Slot&) {}
  // Its turn has come, once in an interval.
  virtual void OnInterval(Slot&) {}
};

}  // namespace hawser::bench::attack
