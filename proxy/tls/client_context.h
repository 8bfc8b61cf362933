// What TLS connections to backends share: whom to trust, versions, ALPN. Built once, then immutable; it must outlive its
// streams.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/tls/context.h"
#include "proxy/tls/openssl.h"

namespace hawser::tls {

struct ClientOptions {
  bool verify = true;   // the backend's chain and name
  std::string ca_file;  // PEM; empty: the system's authorities
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::vector<std::string> alpn;  // offered; empty: no ALPN
};

class ClientContext {
 public:
  static absl::StatusOr<std::shared_ptr<const ClientContext>> Create(const ClientOptions& options);

  // `server_name`, a host name or an IP address, is what the certificate is verified against, and a host name is sent
  // as SNI. Empty: neither, so only the chain is verified.
  SslPtr NewSsl(const std::string& server_name) const;

 private:
  explicit ClientContext(ContextPtr context) : context_(std::move(context)) {}

  const ContextPtr context_;
};

}  // namespace hawser::tls
