#include "proxy/tls/handshake_keys.h"

#include "proxy/base/check.h"

namespace hawser::tls {
namespace {

// OpenSSL has no call that takes an ephemeral key off an SSL. Setting the type of an EVP_PKEY, to its own
// type again, frees the key in it.
void Empty(EVP_PKEY* key) {
  EVP_PKEY_set_type(key, EVP_PKEY_get_id(key));
  EVP_PKEY_free(key);  // the reference that came with it; the SSL's stays
}

}  // namespace

// Either key may be missing: TLS 1.2 drops its own, and a resumed session may have none.
void FreeHandshakeKeys(SSL& ssl) {
  HAWSER_DCHECK(SSL_is_server(&ssl) == 1 && SSL_is_init_finished(&ssl) == 1);
  EVP_PKEY* key = nullptr;
  if (SSL_get_tmp_key(&ssl, &key) == 1) Empty(key);
  if (SSL_get_peer_tmp_key(&ssl, &key) == 1) Empty(key);
  ClearErrors();
}

}  // namespace hawser::tls
