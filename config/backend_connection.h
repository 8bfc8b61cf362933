// Connections to backends: TLS, those that are kept, and how dead ones are found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/tls.h"
#include "config/values.h"

namespace hawser::config {

enum class BackendProtocol : uint8_t { kHttp11, kHttp2, kAuto };

struct BackendTls {
  bool verify = true;                      // the backend's chain and name
  std::optional<std::string> ca_file;      // PEM; the system's authorities if left out
  std::optional<std::string> server_name;  // for SNI and verification; the endpoint's address if left out
  std::optional<std::string> certificate;  // hawser's own, for backends that ask; both or none
  std::optional<std::string> private_key;
  TlsVersion min_version = TlsVersion::kTls12;
  bool operator==(const BackendTls&) const = default;
};

struct IdleConnections {
  uint32_t max = 256;  // kept by each worker for each endpoint; 0: none is kept
  Duration timeout = 30s;
  bool operator==(const IdleConnections&) const = default;
};

// Of the connections to backends, by their TCP. Kept in whole seconds.
struct TcpKeepalive {
  Duration idle = 30s;      // silence after which the first probe is sent; 0 turns all of it off
  Duration interval = 10s;  // between probes
  uint32_t probes = 3;      // unanswered ones that end the connection
  bool operator==(const TcpKeepalive&) const = default;
};

}  // namespace hawser::config
