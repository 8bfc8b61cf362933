// One request on a route with `affinity: socket.io`: finds the endpoint on which its session lives, and
// learns the session that its answer begins. Owned by the exchange.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/name.h"
#include "proxy/cluster/affinity.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/stick_table.h"
#include "proxy/http/engine_io.h"
#include "proxy/http/head.h"
#include "proxy/route/route.h"
#include "proxy/session/backends.h"

namespace hawser::session {

class SocketIoSession {
 public:
  // `table` must outlive this, and so must the text of `request`.
  SocketIoSession(cluster::StickTable& table, const http::RequestHead& request);

  // The cluster, of those that `route` leads to, in which the request's session lives. No name if the request
  // names no session or one that is not known. lookup() is the result from the table, valid until the end of
  // the turn.
  base::Name FindCluster(const route::Route& route, const Backends& backends, base::TimePoint now);
  const cluster::AffinityLookup& lookup() const { return lookup_; }

  // The answer's head, then its body in pieces, each before the client sees it: the session must be known
  // before the client can send its next request. `endpoint` is the one that answers.
  void OnResponse(const http::ResponseHead& response);
  void OnBody(std::span<const std::byte> piece, const cluster::Endpoint& endpoint, base::TimePoint now);

 private:
  cluster::StickTable& table_;
  const std::string_view session_;  // that the request names
  const bool may_begin_;
  cluster::AffinityLookup lookup_;
  std::optional<http::OpenPacketReader> open_packet_;  // while it is looked for
};

}  // namespace hawser::session
