// What OpenSSL keeps of a handshake and never reads again, given back: the two ephemeral keys of the key exchange (whose
// secrets are also best forgotten), and the list of the ciphers that the client offered. About 700 bytes a connection.
#pragma once

#include "proxy/tls/openssl.h"

namespace hawser::tls {

// `ssl` is a server's whose handshake is complete.
void ShedHandshake(SSL& ssl);

}  // namespace hawser::tls
