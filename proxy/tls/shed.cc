#include "proxy/tls/shed.h"

namespace hawser::tls {
namespace {

// There is no call that takes an ephemeral key off an SSL, but one that empties an EVP_PKEY: to give it its own type.
void EmptyKey(int found, EVP_PKEY* key) {
  if (found != 1) return;
  EVP_PKEY_set_type(key, EVP_PKEY_get_id(key));
  EVP_PKEY_free(key);  // the reference that came with it; the SSL's stays
}

}  // namespace

void ShedHandshake(SSL& ssl) {
  EVP_PKEY* key = nullptr;
  EmptyKey(static_cast<int>(SSL_get_tmp_key(&ssl, &key)), key);
  EmptyKey(static_cast<int>(SSL_get_peer_tmp_key(&ssl, &key)), key);
  if (STACK_OF(SSL_CIPHER)* offered = SSL_get_client_ciphers(&ssl); offered != nullptr) {
    sk_SSL_CIPHER_zero(offered);
    sk_SSL_CIPHER_reserve(offered, 0);
  }
  ClearErrors();
}

}  // namespace hawser::tls
