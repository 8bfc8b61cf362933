#include "proxy/tls/context.h"

#include "tests/unit/tls/fixture.h"

namespace hawser::tls {
namespace {

using testing::HasSubstr;

class ServerContextTest : public testing::Test {
 protected:
  // The certificate that a client asking for `name` gets; "" when it is refused.
  std::string Served(const ServerOptions& options, const std::string& name) {
    Link link(ContextOf(options), {.server_name = name});
    const bool done = link.Shake() == HandshakeResult::kDone;
    alert_ = link.peer.alert();
    EXPECT_EQ(ERR_peek_error(), 0U);
    return done ? link.peer.CommonName() : "";
  }

  absl::Status Fails(const ServerOptions& options) { return ServerContext::Create(options).status(); }

  Directory directory_;
  int alert_ = 0;
};

TEST_F(ServerContextTest, TheServerNameChoosesTheCertificate) {
  const ServerOptions options{.certificates = {directory_.Ecdsa({"default.example"}),
                                               directory_.Ecdsa({"chat.example.com", "alias.example.com"}),
                                               directory_.Ecdsa({"*.example.com"})}};
  EXPECT_EQ(Served(options, "chat.example.com"), "chat.example.com");
  EXPECT_EQ(Served(options, "alias.example.com"), "chat.example.com");
  EXPECT_EQ(Served(options, "other.example.com"), "*.example.com");
  EXPECT_EQ(Served(options, "CHAT.Example.COM"), "chat.example.com");
  EXPECT_EQ(Served(options, "chat.example.com."), "chat.example.com");
}

TEST_F(ServerContextTest, AWildcardStandsForExactlyOneLabel) {
  const ServerOptions options{
      .certificates = {directory_.Ecdsa({"default.example"}), directory_.Ecdsa({"*.example.com"})}};
  EXPECT_EQ(Served(options, "a.b.example.com"), "default.example");
  EXPECT_EQ(Served(options, "example.com"), "default.example");
  EXPECT_EQ(Served(options, "*.example.com"), "default.example");
}

TEST_F(ServerContextTest, TheFirstCertificateServesUnknownNamesAndNone) {
  const ServerOptions options{
      .certificates = {directory_.Ecdsa({"default.example"}), directory_.Ecdsa({"b"})}};
  EXPECT_EQ(Served(options, "nobody.example"), "default.example");
  EXPECT_EQ(Served(options, ""), "default.example");
}

TEST_F(ServerContextTest, StrictSniRefusesUnknownNamesAndNone) {
  const ServerOptions options{.certificates = {directory_.Ecdsa({"a.example"})}, .strict_sni = true};
  EXPECT_EQ(Served(options, "a.example"), "a.example");
  EXPECT_EQ(Served(options, "nobody.example"), "");
  EXPECT_EQ(alert_, SSL_AD_UNRECOGNIZED_NAME);
  EXPECT_EQ(Served(options, ""), "");
  EXPECT_EQ(alert_, SSL_AD_UNRECOGNIZED_NAME);
}

TEST_F(ServerContextTest, TheCommonNameCountsOnlyWhereThereIsNoAlternativeName) {
  const ServerOptions options{.certificates = {directory_.Rsa("cn.example", ""),
                                               directory_.Rsa("ignored.example", "DNS:san.example")},
                              .strict_sni = true};
  EXPECT_EQ(Served(options, "cn.example"), "cn.example");
  EXPECT_EQ(Served(options, "san.example"), "ignored.example");
  EXPECT_EQ(Served(options, "ignored.example"), "");
}

TEST_F(ServerContextTest, AClientMayKnowAnyOfTheUsualGroupsAlone) {
  const auto context = ContextOf({.certificates = {directory_.Ecdsa({"a.example"})}});
  for (const std::string group : {"X25519", "P-256", "P-384"}) {
    Link link(context, {.groups = group});
    EXPECT_EQ(link.Shake(), HandshakeResult::kDone) << group;
  }
}

TEST_F(ServerContextTest, TheClientsSignatureAlgorithmsChooseBetweenRsaAndEcdsa) {
  const auto context = ContextOf({.certificates = {directory_.Rsa("x.example", "DNS:x.example"),
                                                   directory_.Ecdsa({"x.example", "only-ecdsa.example"})}});
  const auto key_type = [&](const std::string& name, const std::string& algorithms, int version) {
    Link link(context, {.server_name = name, .max_version = version, .signature_algorithms = algorithms});
    return link.Shake() == HandshakeResult::kDone ? link.peer.KeyType() : "refused";
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(key_type("x.example", "rsa_pss_rsae_sha256:RSA+SHA256", version), "RSA");
    EXPECT_EQ(key_type("x.example", "ECDSA+SHA256", version), "EC");
    EXPECT_EQ(key_type("", "rsa_pss_rsae_sha256:RSA+SHA256", version), "RSA");
    EXPECT_EQ(key_type("", "ECDSA+SHA256", version), "EC");
    EXPECT_EQ(key_type("only-ecdsa.example", "ECDSA+SHA256", version), "EC");
    EXPECT_EQ(key_type("only-ecdsa.example", "rsa_pss_rsae_sha256:RSA+SHA256", version), "refused");
  }
}

TEST_F(ServerContextTest, AlpnIsAgreedOnOrRefusedOrLeftOut) {
  const auto context = ContextOf({.certificates = {directory_.Ecdsa({"a"})}});
  Link agreed(context, {.alpn = {"h2", "http/1.1"}});
  EXPECT_EQ(agreed.Shake(), HandshakeResult::kDone);
  EXPECT_EQ(agreed.server->alpn(), "http/1.1");
  EXPECT_EQ(agreed.peer.Alpn(), "http/1.1");

  Link refused(context, {.alpn = {"h2", "spdy/3"}});
  EXPECT_EQ(refused.Shake(), HandshakeResult::kFailed);
  EXPECT_EQ(refused.peer.alert(), SSL_AD_NO_APPLICATION_PROTOCOL);
  EXPECT_THAT(refused.server->HandshakeError(), HasSubstr("no application protocol"));

  Link silent(context, {});
  EXPECT_EQ(silent.Shake(), HandshakeResult::kDone);
  EXPECT_EQ(silent.server->alpn(), "");
}

TEST_F(ServerContextTest, AlpnFollowsTheServersPreferenceForEveryCertificate) {
  const auto context = ContextOf(
      {.certificates = {directory_.Ecdsa({"a"}), directory_.Ecdsa({"b"})}, .alpn = {"second", "first"}});
  Link link(context, {.server_name = "b", .alpn = {"first", "second"}});
  EXPECT_EQ(link.Shake(), HandshakeResult::kDone);
  EXPECT_EQ(link.server->alpn(), "second");
}

TEST_F(ServerContextTest, VersionsOutsideTheRangeAreRefused) {
  const CertificateFiles files = directory_.Ecdsa({"a"});
  Link old(ContextOf({.certificates = {files}, .min_version = Version::kTls13}),
           {.max_version = TLS1_2_VERSION});
  EXPECT_EQ(old.Shake(), HandshakeResult::kFailed);
  EXPECT_EQ(old.peer.alert(), SSL_AD_PROTOCOL_VERSION);

  Link capped(ContextOf({.certificates = {files}, .max_version = Version::kTls12}));
  EXPECT_EQ(capped.Shake(), HandshakeResult::kDone);
  EXPECT_EQ(std::string(SSL_get_version(capped.peer.ssl())), "TLSv1.2");

  Link newest(ContextOf({.certificates = {files}}));
  EXPECT_EQ(newest.Shake(), HandshakeResult::kDone);
  EXPECT_EQ(std::string(SSL_get_version(newest.peer.ssl())), "TLSv1.3");
  EXPECT_EQ(std::string(SSL_get_cipher_name(newest.peer.ssl())), "TLS_AES_128_GCM_SHA256");
}

TEST_F(ServerContextTest, OldCiphersAreRefusedUnlessTheyAreConfigured) {
  const CertificateFiles files = directory_.Ecdsa({"a"});
  const auto shake = [&](const std::string& ours) {
    Link link(ContextOf({.certificates = {files}, .ciphers = ours}), {.max_version = TLS1_2_VERSION});
    SSL_set_cipher_list(link.peer.ssl(), "ECDHE-ECDSA-AES128-SHA256");
    return link.Shake();
  };
  EXPECT_EQ(shake(kDefaultCiphers), HandshakeResult::kFailed);
  EXPECT_EQ(shake("ECDHE-ECDSA-AES128-SHA256"), HandshakeResult::kDone);
}

TEST_F(ServerContextTest, EachBadOptionIsNamed) {
  const CertificateFiles a = directory_.Ecdsa({"a"});
  const CertificateFiles b = directory_.Ecdsa({"b"});
  const std::string garbage = directory_.Write("garbage", "not PEM");
  EXPECT_THAT(Fails({}).message(), HasSubstr("at least one certificate"));
  EXPECT_THAT(Fails({.certificates = {{"/nonexistent.crt", a.key}}}).message(),
              AllOf(HasSubstr("/nonexistent.crt"), HasSubstr("No such file")));
  EXPECT_THAT(Fails({.certificates = {{a.chain, "/nonexistent.key"}}}).message(),
              HasSubstr("/nonexistent.key"));
  EXPECT_THAT(Fails({.certificates = {{garbage, a.key}}}).message(), HasSubstr("holds no PEM certificate"));
  EXPECT_THAT(Fails({.certificates = {{a.chain, garbage}}}).message(), HasSubstr("holds no PEM private key"));
  EXPECT_THAT(Fails({.certificates = {{a.chain, b.key}}}).message(), HasSubstr("does not belong"));
  EXPECT_THAT(Fails({.certificates = {a}, .ciphers = "NONSENSE"}).message(), HasSubstr("NONSENSE"));
  EXPECT_THAT(Fails({.certificates = {a}, .alpn = {""}}).message(), HasSubstr("ALPN"));
  EXPECT_THAT(
      Fails({.certificates = {a}, .min_version = Version::kTls13, .max_version = Version::kTls12}).message(),
      HasSubstr("min_version"));
  EXPECT_THAT(Fails({.certificates = {a}, .tickets = {.rotation = base::Duration(0)}}).message(),
              HasSubstr("rotation"));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST_F(ServerContextTest, AKeyWithAPassphraseIsRefusedWithoutAsking) {
  const CertificateFiles files = directory_.Ecdsa({"a"});
  const KeyPtr key(EVP_EC_gen("P-256"));
  char secret[] = "secret";
  const std::string locked = directory_.Write(
      "locked.key", Directory::Pem([&](BIO* out) {
        PEM_write_bio_PKCS8PrivateKey(out, key.get(), EVP_aes_128_cbc(), secret, 6, nullptr, nullptr);
      }));
  EXPECT_THAT(Fails({.certificates = {{files.chain, locked}}}).message(), HasSubstr("without a passphrase"));
}

TEST_F(ServerContextTest, AChainThatBreaksOffIsRefused) {
  const CertificateFiles files = directory_.Ecdsa({"a"});
  std::stringstream text;
  text << std::ifstream(files.chain).rdbuf();
  const std::string cut =
      directory_.Write("cut.crt", text.str() + text.str().substr(0, text.str().size() / 2));
  EXPECT_THAT(Fails({.certificates = {{cut, files.key}}}).message(), HasSubstr("damaged certificate"));
}

TEST_F(ServerContextTest, SaysUntilWhenItsCertificatesHold) {
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto context = ServerContext::Create(
      {.certificates = {directory_.Rsa("a.example", ""), directory_.Ecdsa({"b.example"})}});
  ASSERT_TRUE(context.ok());
  const std::vector<CertificateFacts>& facts = (*context)->certificates();
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].serial, "07");
  EXPECT_GE(facts[0].not_after, now + std::chrono::days(1));
  EXPECT_LE(facts[0].not_after, now + std::chrono::days(1) + std::chrono::minutes(10));
  EXPECT_GE(facts[1].not_after, now + std::chrono::days(29));
  EXPECT_NE(facts[1].serial, "");
}

TEST(EncodeAlpn, PutsEachNameBehindItsLength) {
  EXPECT_EQ(EncodeAlpn({"h2", "http/1.1"}).value(), "\x02h2\x08http/1.1");
  EXPECT_FALSE(EncodeAlpn({std::string(256, 'x')}).ok());
}

}  // namespace
}  // namespace hawser::tls
