#include "proxy/tls/handshake_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "tests/unit/tls/fixture.h"

namespace hawser::tls {
namespace {

// A server's SSL of a real ServerContext and a client's, over memory.
class HandshakeKeysTest : public testing::TestWithParam<int> {
 protected:
  HandshakeKeysTest() {
    server_ = context_->NewSsl();
    SSL_CTX_set_max_proto_version(client_context_.get(), GetParam());
    client_.reset(SSL_new(client_context_.get()));
    BIO* near = nullptr;
    BIO* far = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(server_.get(), near, near);
    SSL_set_bio(client_.get(), far, far);
    SSL_set_connect_state(client_.get());
    for (int i = 0; i < 4; ++i) {
      SSL_do_handshake(client_.get());
      SSL_do_handshake(server_.get());
    }
    EXPECT_TRUE(SSL_is_init_finished(server_.get()));
  }

  void ExpectEcho(std::string_view text) {
    std::array<char, 64> into{};
    ASSERT_EQ(SSL_write(client_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
    const int came = SSL_read(server_.get(), into.data(), into.size());
    ASSERT_EQ(std::string_view(into.data(), static_cast<size_t>(std::max(came, 0))), text);
    ASSERT_EQ(SSL_write(server_.get(), into.data(), came), came);
    EXPECT_EQ(SSL_read(client_.get(), into.data(), into.size()), came);
  }

  const Directory directory_;
  const std::shared_ptr<const ServerContext> context_ =
      ContextOf({.certificates = {directory_.Ecdsa({"localhost"})}});
  const ContextPtr client_context_{SSL_CTX_new(TLS_client_method())};
  SslPtr server_;
  SslPtr client_;
};

INSTANTIATE_TEST_SUITE_P(Versions, HandshakeKeysTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& one) { return one.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(HandshakeKeysTest, TheSecretsOfTheKeyExchangeAreGone) {
  FreeHandshakeKeys(*server_);
  EVP_PKEY* left = nullptr;
  if (SSL_get_tmp_key(server_.get(), &left) == 1) {
    const KeyPtr key(left);
    std::array<unsigned char, 64> secret{};
    size_t size = secret.size();
    EXPECT_NE(EVP_PKEY_get_raw_private_key(left, secret.data(), &size), 1);
  }
  ERR_clear_error();
}

TEST_P(HandshakeKeysTest, TheConnectionGoesOnThroughANewTrafficKeyToo) {
  ExpectEcho("before");
  FreeHandshakeKeys(*server_);
  ExpectEcho("after");
  if (GetParam() != TLS1_3_VERSION) return;
  ASSERT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
  ExpectEcho("with another key");
  ExpectEcho("and its answer");
}

TEST_P(HandshakeKeysTest, MayBeCalledTwice) {
  FreeHandshakeKeys(*server_);
  FreeHandshakeKeys(*server_);
  ExpectEcho("still here");
}

}  // namespace
}  // namespace hawser::tls
