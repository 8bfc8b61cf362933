// What OpenSSL keeps of a handshake and never reads again, given back: the two ephemeral keys of the key exchange, 830 bytes
// a connection, and secrets that are best forgotten.
#pragma once

#include "proxy/tls/openssl.h"

namespace hawser::tls {

// `ssl` is a server's whose handshake is complete.
void ShedHandshake(SSL& ssl);

}  // namespace hawser::tls
