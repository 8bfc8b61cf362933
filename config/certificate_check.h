// Checks the files of a certificate before the listener needs them: both are readable PEM, the key is not
// encrypted and belongs to the first certificate, OpenSSL accepts them, each certificate is signed by the
// next one (RFC 8446 §4.4.2), and all are valid for the next 30 days.
#pragma once

#include <string>
#include <vector>

#include "config/schema.h"

namespace hawser::config {

struct CertificateFaults {  // each empty if there is none
  std::string certificate;  // "server.crt cannot be read: No such file or directory"
  std::string private_key;
  // Dates that peers will refuse, now or soon: "certificate 2 of chain.crt expired on Nov 30 04:00:00 2026
  // GMT".
  std::vector<std::string> dates;
  // Where the chain breaks: only peers that know the missing certificate accept it.
  std::vector<std::string> links;
};

CertificateFaults CheckCertificate(const Certificate& pair);

// Of a file of authorities; in `dates` only if none of them is valid today.
CertificateFaults CheckAuthorities(const std::string& path);

// Whether OpenSSL knows any cipher of the list.
bool CiphersKnown(const std::string& ciphers);

}  // namespace hawser::config
