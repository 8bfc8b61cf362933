// Applies a route's `compression` to a WebSocket handshake and to the client's stream behind it (RFC 7692).
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "config/schema.h"
#include "proxy/http/deflate_offer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

// Where a worker's compression is counted.
ws::DeflateCounters DeflateCountersOf(stats::WorkerStats& stats);

// Removes the client's offers of compression from the request unless the route passes them on. Returns what
// hawser itself accepts; none unless the route offloads and the client has made an acceptable offer.
std::optional<http::DeflateAgreement> NegotiateCompression(const config::WebSocket& settings,
                                                           http::RequestHead& head,
                                                           http::UpgradeRequest& upgrade,
                                                           http::TextArena& arena);

// Wraps the client's stream: the tunnel sees plain frames of at most max_frame_bytes. `early` has already
// been read from `client`.
std::unique_ptr<net::ByteStream> Offload(WorkerServices& services, const config::WebSocket& settings,
                                         const http::DeflateAgreement& agreement,
                                         std::unique_ptr<net::ByteStream> client,
                                         std::span<const std::byte> early);

}  // namespace hawser::session
