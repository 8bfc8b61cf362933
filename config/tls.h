// TLS with clients, and with backends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct Certificate {
  std::string certificate;  // PEM chain, leaf first; relative paths are resolved against the config file
  std::string private_key;
  bool operator==(const Certificate&) const = default;
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };

struct SessionTickets {
  bool enabled = true;
  uint32_t count = 1;       // TLS 1.3 tickets sent after a full handshake
  Duration rotation = 12h;  // a key signs for this long, and is accepted for as long again
  bool operator==(const SessionTickets&) const = default;
};

struct Tls {
  std::vector<Certificate> certificates;  // the first is the default
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string ciphers;      // TLS 1.2 cipher list, OpenSSL syntax; tls::kDefaultCiphers if left out
  bool strict_sni = false;  // refuse a handshake whose name no certificate carries
  SessionTickets session_tickets;
  bool operator==(const Tls&) const = default;
};

struct BackendTls {
  bool verify = true;                  // the backend's chain and name
  std::optional<std::string> ca_file;  // PEM; the system's authorities if left out
  std::optional<std::string>
      server_name;  // for SNI and verification; if left out: the endpoint's name, else its address
  std::optional<std::string> certificate;  // hawser's own, for backends that ask; both or none
  std::optional<std::string> private_key;
  TlsVersion min_version = TlsVersion::kTls12;
  bool operator==(const BackendTls&) const = default;
};

void Describe(Description& d, const Certificate& certificate);
void Describe(Description& d, const SessionTickets& tickets);
void Describe(Description& d, const Tls& tls);
void Describe(Description& d, const BackendTls& tls);

// Their files too, if checks.files.
void CheckTls(const Tls& tls, const Checks& checks);
void CheckBackendTls(const BackendTls& tls, const Checks& checks);

}  // namespace hawser::config
