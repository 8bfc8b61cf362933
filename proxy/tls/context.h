// What all TLS server connections of a listener share: certificates chosen by the client's server name (SNI,
// RFC 6066 §3), versions, ciphers, ALPN and session tickets. Built once, then immutable and used by all
// workers. It must outlive the handshakes that it serves, not the streams: what these still need of it,
// OpenSSL counts. So a reload may replace it under connections and tunnels.
//
// One SSL_CTX for each set of certificates that serves some name: RSA and ECDSA certificates that carry the
// same name share one, and the client's signature algorithms choose between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "proxy/base/clock.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/ciphers.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/tickets.h"

namespace hawser::tls {

enum class Version : uint8_t { kTls12, kTls13 };

struct TicketOptions {
  bool enabled = true;
  uint32_t count = 1;  // TLS 1.3 tickets sent after a full handshake
  base::Duration rotation = std::chrono::hours(12);
};

struct ServerOptions {
  std::vector<CertificateFiles> certificates;  // the first is the default
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::string ciphers = kDefaultCiphers;  // TLS 1.2 list, OpenSSL syntax
  // Refuse (unrecognized_name) a name that no certificate carries, and a client that sends none.
  bool strict_sni = false;
  std::vector<std::string> alpn = {"http/1.1"};  // the server's order of preference; empty: ALPN is ignored
  TicketOptions tickets;
};

class ServerContext {
 public:
  // Fails on certificates that do not load and on options that contradict each other. `keys`: those of the
  // context before a reload; null: new ones are made.
  static absl::StatusOr<std::shared_ptr<const ServerContext>> Create(
      const ServerOptions& options, std::shared_ptr<TicketKeys> keys = nullptr);

  SslPtr NewSsl() const;
  // In the order of the options.
  const std::vector<CertificateFacts>& certificates() const { return certificates_; }
  // Null when tickets are off.
  const std::shared_ptr<TicketKeys>& ticket_keys() const { return ticket_keys_; }

 private:
  struct Callbacks;  // what OpenSSL calls; finds this object as the SSL_CTX's application data

  ServerContext(const ServerOptions& options, std::shared_ptr<TicketKeys> keys);
  absl::StatusOr<ContextPtr> MakeContext(const ServerOptions& options);
  absl::Status AddCertificates(const ServerOptions& options, const std::vector<Certificate>& certificates);
  SSL_CTX* ContextFor(std::string_view server_name) const;  // null: no certificate carries the name

  const bool strict_sni_;
  const std::string alpn_;  // as on the wire: each name behind its length
  const std::shared_ptr<TicketKeys> ticket_keys_;
  std::vector<CertificateFacts> certificates_;
  std::vector<ContextPtr> contexts_;                    // the first is the default
  absl::flat_hash_map<std::string, SSL_CTX*> by_name_;  // normalized names and wildcards
};

// Names in ALPN's wire form; fails on one that is empty or longer than 255 bytes.
absl::StatusOr<std::string> EncodeAlpn(const std::vector<std::string>& names);

// OpenSSL's number for a version.
int NativeVersion(Version version);

}  // namespace hawser::tls
