// The TLS 1.2 ciphers that are used unless the configuration names others: forward secrecy and AEAD only, in
// OpenSSL's syntax, best first.
#pragma once

namespace hawser::tls {

inline constexpr char kDefaultCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

}  // namespace hawser::tls
