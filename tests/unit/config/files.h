// Files that the tests of the configuration need: a folder that goes away with its object, and certificates
// made by OpenSSL on the spot.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "gtest/gtest.h"

namespace hawser::config {

class Folder {
 public:
  Folder() {
    std::string path = (std::filesystem::temp_directory_path() / "hawser-config-XXXXXX").string();
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    path_ = path;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

  // Returns the path of the file.
  std::string Write(std::string_view name, std::string_view text) const {
    std::ofstream(*this / name, std::ios::binary) << text;
    return *this / name;
  }

 private:
  std::filesystem::path path_;
};

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key256 = std::unique_ptr<EVP_PKEY, KeyFree>;

inline Key256 MakeKey() {
  return Key256(EVP_EC_gen("P-256"));
}

inline std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

// A password: the key is encrypted with it.
inline std::string KeyPem(const Key256& key, const char* password = nullptr) {
  BIO* bio = BIO_new(BIO_s_mem());
  const EVP_CIPHER* cipher = password == nullptr ? nullptr : EVP_aes_128_cbc();
  PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher, nullptr, 0, nullptr, const_cast<char*>(password));
  return Text(bio);
}

inline void SetName(X509_NAME* name, const std::string& text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()),
                             -1, -1, 0);
}

constexpr long kDay = 86400;  // in seconds

struct CertificateText {
  std::string subject = "hawser.test";
  std::string issuer = "hawser.test";
  long begin = -60;  // seconds from now
  long end = 90 * kDay;
};

// Of `key`, signed with `issuer`.
inline std::string SignedPem(const Key256& key, const Key256& issuer, const CertificateText& text) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), text.begin);
  X509_gmtime_adj(X509_getm_notAfter(certificate), text.end);
  X509_set_pubkey(certificate, key.get());
  SetName(X509_get_subject_name(certificate), text.subject);
  X509_NAME* issuer_name = X509_NAME_new();
  SetName(issuer_name, text.issuer);
  X509_set_issuer_name(certificate, issuer_name);
  X509_NAME_free(issuer_name);
  X509_sign(certificate, issuer.get(), EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  X509_free(certificate);
  return Text(bio);
}

// Self-signed; valid from and until so many seconds from now.
inline std::string CertificatePem(const Key256& key, long begin = -60, long end = 90 * kDay) {
  return SignedPem(key, key, {.begin = begin, .end = end});
}

}  // namespace hawser::config
