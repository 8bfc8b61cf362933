// Prepares a request's head before routing: checks it, removes hop-by-hop fields (RFC 9110 §7.6.1), keeps or
// replaces the forwarded fields, and makes the request's record.
#pragma once

#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/http/upgrade.h"
#include "proxy/net/address.h"
#include "proxy/session/record.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

struct PreparedHead {
  http::UpgradeRequest upgrade;               // whole when nothing is rejected; `websocket` in any case
  http::Reject reject = http::Reject::kNone;  // what is wrong with the request
};

// Fills `record`. `peer` is the other end of the client's connection; `tls`: hawser ended its TLS. Text that
// is added lives in `arena`. `log` says what of the query the record may hold. The head of a WebSocket
// handshake gets one form for both protocols: each codec adds the fields of RFC 6455 or RFC 8441 itself.
PreparedHead PrepareHead(WorkerServices& services, const ListenerRuntime& listener,
                         const net::SocketAddress& peer, bool tls, http::RequestHead& head,
                         http::TextArena& arena, const config::AccessLog& log, RequestRecord& record);

}  // namespace hawser::session
