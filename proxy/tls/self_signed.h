// Makes a self-signed certificate (ECDSA P-256) for the demo and the tests.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/tls/certificate.h"

namespace hawser::tls {

struct SelfSigned {
  std::string certificate;  // PEM
  std::string private_key;  // PEM, PKCS #8
};

// For `names`, at least one: host names, wildcards and IP addresses. Valid from an hour ago, for clocks that
// lag, to `days` from now.
absl::StatusOr<SelfSigned> MakeSelfSigned(const std::vector<std::string>& names, int days);

// Writes server.crt and server.key (mode 0600) into `directory`, which exists, replacing existing files.
absl::StatusOr<CertificateFiles> WriteTo(const SelfSigned& pair, const std::string& directory);

}  // namespace hawser::tls
