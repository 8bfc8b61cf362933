// Self-signed certificates, made when a test needs them: ECDSA P-256, a day long.
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
CertificateFiles MakeCertificate(const Directory& directory, const std::string& name,
                                 const std::vector<std::string>& dns_names);

}  // namespace hawser::integration
