// The two sides of a tunnel, and what one of them means for the other: what one sends goes to the other, and frames of hawser's
// own go to a side only where the bytes that it is sent stand between two frames of the other. A plain value that the tunnel
// owns; loop thread only.
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

  // From now on the peers that the route wants pinged are.
  void StartKeepalive(const config::Keepalive& keepalive, WorkerServices& services);

  // As Side's, counted.
  void Send(Peer to, std::span<const std::byte> bytes, WorkerServices& services);
  void SendLast(Peer to, std::span<const std::byte> bytes, WorkerServices& services);

  // What was sent to `to` ends between two frames.
  bool AtBoundaryTowards(Peer to) const { return Of(Other(to)).scanner().AtBoundary(); }

  // Puts in what is due to `to`, at a boundary. `text` is the reason that a close frame gives.
  void Inject(Peer to, std::string_view text, WorkerServices& services);

  // A ping to `to`, now or at the next boundary, unless one that passes through serves as well.
  void Ping(Peer to, WorkerServices& services);

  // The last that `to` hears: a close frame with this code, now or at the next boundary; where it is 0, or no boundary will come
  // any more, its stream just ends.
  void CloseTowards(Peer to, uint16_t code, std::string_view text, WorkerServices& services);

  // No close frame follows what was sent to `to`, and no answer is waited for.
  void EndWithoutCloseFrame(Peer to);

  // Gives the backend up if its host has answered nothing for `longest`. The kernel is asked only while the client has sent
  // something since all of it had arrived: a quiet tunnel costs no call.
  void CheckBackendHost(base::Duration longest);

  Traffic traffic() const;

 private:
  std::array<Side, 2> sides_;
};

}  // namespace hawser::session
