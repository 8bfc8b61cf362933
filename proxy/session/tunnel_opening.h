// A WebSocket handshake on its way to a tunnel: what the client and the backend agree on, the head that opens
// the tunnel, and its start. Owned by the exchange; loop thread only.
#pragma once

#include <optional>
#include <string_view>

#include "config/schema.h"
#include "proxy/http/deflate_offer.h"
#include "proxy/http/head.h"
#include "proxy/http/upgrade.h"
#include "proxy/session/backend_request.h"
#include "proxy/session/tunnel.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class TunnelOpening {
 public:
  // Before the request goes to a backend: applies the route's `compression` to what the client offers.
  void OnRequest(const config::WebSocket& settings, http::RequestHead& head, http::UpgradeRequest& upgrade,
                 http::TextArena& arena);

  // Makes the client's head of the backend's.
  void OnResponse(const config::Route& route, http::ResponseHead& head, http::TextArena& arena);

  // The client has its head.
  void OnOpened(WorkerServices& services, RequestRecord& record, cluster::Endpoint& endpoint) const;

  // `parts` has all that is the client's; what is the backend's comes from `backend`. `early` was read from
  // the client already.
  Tunnel& Start(WorkerServices& services, BackendRequest& backend, Tunnel::Parts parts,
                std::string_view early) const;

 private:
  bool deflate_ = false;  // the backend has accepted permessage-deflate
  std::optional<http::DeflateAgreement> offload_;
};

}  // namespace hawser::session
