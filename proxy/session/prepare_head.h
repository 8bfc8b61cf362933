// Prepares a request's head before routing: removes hop-by-hop fields (RFC 9110 §7.6.1), keeps or replaces
// the forwarded fields, and makes the request's record.
#pragma once

#include <memory>

#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"
#include "proxy/session/record.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::session {

// False: the listener refuses such a head. Call it before any field is removed.
bool MeetUnderscorePolicy(config::UnderscorePolicy policy, http::RequestHead& head,
                          stats::WorkerStats& stats);

// `peer` is the other end of the client's connection; `tls`: hawser ended its TLS. Text that is added lives
// in `arena`. `log` says what of the query the record may hold.
std::unique_ptr<RequestRecord> PrepareHead(WorkerServices& services, const ListenerRuntime& listener,
                                           const net::SocketAddress& peer, bool tls, http::RequestHead& head,
                                           http::TextArena& arena, const config::AccessLog& log);

// Brings the head of a WebSocket handshake into one form for both protocols: each codec adds the fields of
// RFC 6455 or RFC 8441 itself.
void NormalizeHandshake(http::RequestHead& head);

}  // namespace hawser::session
