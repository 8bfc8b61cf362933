// Self-signed certificates, made when a test needs them: ECDSA P-256.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/harness/directory.h"

namespace hawser::integration {

struct CertificateFiles {
  std::string certificate;  // paths
  std::string private_key;
};

// Writes NAME.crt and NAME.key for these DNS names ("*.example.com" included). The first is the subject.
// Valid for `days` from now. Files of that name are replaced, one after the other.
CertificateFiles MakeCertificate(const Directory& directory, const std::string& name,
                                 const std::vector<std::string>& dns_names, int days = 90, int serial = 1);

}  // namespace hawser::integration
