// Frees what OpenSSL keeps of a handshake and never reads again: the two ephemeral keys of the key exchange.
// They take 830 bytes a connection and hold secrets.
#pragma once

#include "proxy/tls/openssl.h"

namespace hawser::tls {

// `ssl` is a server's, and its handshake is complete.
void FreeHandshakeKeys(SSL& ssl);

}  // namespace hawser::tls
