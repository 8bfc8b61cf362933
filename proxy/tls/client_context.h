// What TLS connections to backends share: trusted authorities, versions, ALPN. Built once, then immutable.
// Streams keep what they need of it: a configuration that goes may take it along.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/context.h"
#include "proxy/tls/openssl.h"

namespace hawser::tls {

struct ClientOptions {
  bool verify = true;                           // the backend's chain and name
  std::string ca_file;                          // PEM; empty: the system's authorities
  std::optional<CertificateFiles> certificate;  // hawser's own, for peers that ask
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::vector<std::string> alpn;  // offered; empty: no ALPN
};

// The last session that one server gave to clients of one context. It makes the next handshake with that
// server shorter (RFC 8446 §2.2, RFC 5077). One thread.
struct SessionSlot {
  SessionPtr session;
};

class ClientContext {
 public:
  static absl::StatusOr<std::shared_ptr<const ClientContext>> Create(const ClientOptions& options);

  // The certificate must be for `server_name`, a host name or an IP address; a host name is also sent as SNI.
  // Empty: only the chain is verified, and no SNI is sent. A session in `slot`, if there is one, is offered.
  SslPtr NewSsl(const std::string& server_name, const SessionSlot* slot = nullptr) const;

 private:
  explicit ClientContext(ContextPtr context) : context_(std::move(context)) {}

  const ContextPtr context_;
};

}  // namespace hawser::tls
