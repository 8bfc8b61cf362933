// How connections to a cluster are made: the protocol, and TLS or none. A connection belongs to the transport
// that it was made with: when a reload changes it, the pool gives no more streams on it. Immutable; shared by
// all workers.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/tls/client_context.h"

namespace hawser::cluster {

struct Transport {
  config::BackendProtocol protocol = config::BackendProtocol::kHttp11;
  // Null: plain text. They differ in what they offer by ALPN: HTTP/1.1 alone, or HTTP/2 as well (where the
  // protocol is h2: HTTP/2 alone).
  std::shared_ptr<const tls::ClientContext> http1;
  std::shared_ptr<const tls::ClientContext> any;

  // Whether connections may be shared by many requests.
  bool may_share() const {
    using config::BackendProtocol;
    return protocol == BackendProtocol::kHttp2 || (protocol == BackendProtocol::kAuto && any != nullptr);
  }
  // The same protocol over the same contexts.
  bool operator==(const Transport&) const = default;
};

// Fails on files that do not load.
absl::StatusOr<std::shared_ptr<const Transport>> MakeTransport(const config::Cluster& settings);

}  // namespace hawser::cluster
