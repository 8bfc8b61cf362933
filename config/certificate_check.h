// Looks into the files of a certificate before the listener needs them: both readable PEM, the key not encrypted and
// that of the first certificate, OpenSSL willing to serve with them, each certificate signed by the one behind it
// (RFC 8446 §4.4.2), and the dates of all right for 30 days to come.
#pragma once

#include <string>
#include <vector>

#include "config/schema.h"

namespace hawser::config {

struct CertificateFaults {  // each empty if there is none
  std::string certificate;  // "server.crt cannot be read: No such file or directory"
  std::string private_key;
  // What peers will refuse, now or soon: "certificate 2 of chain.crt expired on Nov 30 04:00:00 2026 GMT".
  std::vector<std::string> dates;
  // Where the chain breaks, which only peers that know the missing certificate forgive.
  std::vector<std::string> links;
};

CertificateFaults CheckCertificate(const Certificate& pair);

// Of a file of authorities; in `dates` only if none of them is valid today.
CertificateFaults CheckAuthorities(const std::string& path);

// Whether OpenSSL knows any cipher of the list.
bool CiphersKnown(const std::string& ciphers);

}  // namespace hawser::config
