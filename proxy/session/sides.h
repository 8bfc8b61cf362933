// The two sides of a tunnel and how they depend on each other: bytes from one go to the other, and hawser
// inserts its own frames only between two frames of the other side. A plain value that the tunnel owns; loop
// thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/session/peer.h"
#include "proxy/session/record.h"
#include "proxy/session/side.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class Sides {
 public:
  Sides(std::unique_ptr<net::ByteStream> client, std::unique_ptr<net::ByteStream> backend)
      : sides_{Side(Peer::kClient, std::move(client)), Side(Peer::kBackend, std::move(backend))} {}

  Side& Of(Peer peer) { return sides_[static_cast<size_t>(peer)]; }
  const Side& Of(Peer peer) const { return sides_[static_cast<size_t>(peer)]; }

  // Starts pings to the peers that the route's configuration names.
  void StartKeepalive(const config::Keepalive& keepalive, WorkerServices& services);

  // As Side's, counted.
  void Send(Peer to, std::span<const std::byte> bytes, WorkerServices& services);
  void SendLast(Peer to, std::span<const std::byte> bytes, WorkerServices& services);

  // The bytes to `to` end between two frames.
  bool AtBoundaryTowards(Peer to) const { return Of(Other(to)).scanner().AtBoundary(); }

  // Sends the frame that is due to `to`, at a boundary. `text` is the reason in a close frame.
  void Inject(Peer to, std::string_view text, WorkerServices& services);

  // Sends a ping to `to`, now or at the next boundary, unless a forwarded ping takes its place.
  void Ping(Peer to, WorkerServices& services);

  // Sends the last frame to `to`: a close frame with this code, now or at the next boundary. If the code is
  // 0, or no boundary will come any more, its stream just ends.
  void CloseTowards(Peer to, uint16_t code, std::string_view text, WorkerServices& services);

  // Ends the bytes to `to` without a close frame, and expects no answer.
  void EndWithoutCloseFrame(Peer to);

  // Gives the backend up if its host has answered nothing for `longest`. Asks the kernel only if the client
  // has sent something since all bytes were last found acknowledged: a quiet tunnel makes no call.
  void CheckBackendHost(base::Duration longest);

  Traffic traffic() const;

 private:
  std::array<Side, 2> sides_;
};

}  // namespace hawser::session
