// A certificate chain with its private key, from PEM files, and the names that it carries.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/tls/openssl.h"

namespace hawser::tls {

struct CertificateFiles {
  std::string chain;  // PEM, leaf first
  std::string key;    // PEM, without a passphrase
};

// What a certificate says of itself, for logs and metrics.
struct CertificateFacts {
  std::string serial;  // in hexadecimal digits, as OpenSSL prints it: "07A3"
  std::chrono::sys_seconds not_after;
};

struct ChainFree {
  void operator()(STACK_OF(X509) * chain) const;
};

struct Certificate {
  X509Ptr leaf;
  std::unique_ptr<STACK_OF(X509), ChainFree> intermediates;
  KeyPtr key;
  // The leaf's dNSNames, or its common name where it has no dNSName (RFC 6125 §6.4.4), each as NormalizeName
  // gives it.
  std::vector<std::string> names;
  CertificateFacts facts;  // of the leaf

  int key_type() const { return EVP_PKEY_get_base_id(key.get()); }
};

// Fails with the file's name and what is wrong with it: unreadable, no PEM, a passphrase, a key that does not
// match.
absl::StatusOr<Certificate> LoadCertificate(const CertificateFiles& files);

// In lower case, without a trailing dot: as host names compare (RFC 4343).
std::string NormalizeName(std::string_view name);

// "chat.example.com" → "*.example.com": the only wildcard that stands for it (RFC 6125 §6.4.3). Empty where a
// name has a single label.
std::string WildcardFor(std::string_view name);

}  // namespace hawser::tls
