// What becomes of a request's head before anyone reads it: fields that concerned the client's connection alone are removed
// (RFC 9110 §7.6.1), what the client says of itself is believed or replaced, and the request's record begins.
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

// False: the listener refuses such a head. Call it before any field is removed, so that all are seen.
bool MeetUnderscorePolicy(config::UnderscorePolicy policy, http::RequestHead& head,
                          stats::WorkerStats& stats);

// `peer` is the other end of the client's connection; `tls`: hawser ended its TLS. Text that is added lives in `arena`. `log`
// says what of the query the record may hold.
std::unique_ptr<RequestRecord> PrepareHead(WorkerServices& services, const ListenerRuntime& listener,
                                           const net::SocketAddress& peer, bool tls, http::RequestHead& head,
                                           http::TextArena& arena, const config::AccessLog& log);

// The head of a WebSocket's handshake in one form for both protocols: what RFC 6455 and RFC 8441 add, each codec adds by
// itself.
void NormalizeHandshake(http::RequestHead& head);

}  // namespace hawser::session
