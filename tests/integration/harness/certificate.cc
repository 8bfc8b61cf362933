#include "tests/integration/harness/certificate.h"

#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace hawser::integration {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string Content(BIO* bio) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<size_t>(length));
}

void AddNames(X509* certificate, const std::vector<std::string>& dns_names) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(dns_names.front().c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  std::string list;
  for (const std::string& name : dns_names) list += (list.empty() ? "DNS:" : ",DNS:") + name;
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, list.c_str()));
  X509_add_ext(certificate, extension.get(), -1);
}

}  // namespace

CertificateFiles MakeCertificate(const Directory& directory, const std::string& name,
                                 const std::vector<std::string>& dns_names, int days, int serial) {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * 86400L);
  X509_set_pubkey(certificate.get(), key.get());
  AddNames(certificate.get(), dns_names);
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);

  const std::unique_ptr<BIO, Free> certificate_pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_pem.get(), certificate.get());
  const std::unique_ptr<BIO, Free> key_pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.certificate = directory.Write(name + ".crt", Content(certificate_pem.get())),
          .private_key = directory.Write(name + ".key", Content(key_pem.get()))};
}

}  // namespace hawser::integration
