// Looks into the files of a certificate before the listener needs them: both readable PEM, the key not encrypted and
// that of the first certificate, OpenSSL willing to serve with them, and the dates right.
#pragma once

#include <string>

#include "config/schema.h"

namespace hawser::config {

struct CertificateFaults {  // each empty if there is none
  std::string certificate;  // "server.crt cannot be read: No such file or directory"
  std::string private_key;
  std::string validity;  // expired or not valid yet: works, but clients will refuse it
};

CertificateFaults CheckCertificate(const Certificate& pair);

// What is wrong with a file of authorities; empty if it holds certificates and nothing is broken.
std::string CheckAuthorities(const std::string& path);

// Whether OpenSSL knows any cipher of the list.
bool CiphersKnown(const std::string& ciphers);

}  // namespace hawser::config
