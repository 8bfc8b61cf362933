// What a route's `compression` makes of a WebSocket handshake and of the client's stream behind it (RFC 7692).
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

// Takes the client's offers of compression off the request unless they are to pass. What hawser accepts itself; none
// unless the route says so and the client has offered something that it can accept.
std::optional<http::DeflateAgreement> NegotiateCompression(const config::WebSocket& settings,
                                                           http::RequestHead& head,
                                                           http::UpgradeRequest& upgrade,
                                                           http::TextArena& arena);

// The client's stream as the tunnel is to see it: plain, in frames that keep to max_frame_bytes. `early` has already been
// read from `client`.
std::unique_ptr<net::ByteStream> Offload(WorkerServices& services, const config::WebSocket& settings,
                                         const http::DeflateAgreement& agreement,
                                         std::unique_ptr<net::ByteStream> client,
                                         std::span<const std::byte> early);

}  // namespace hawser::session
