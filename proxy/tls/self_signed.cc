#include "proxy/tls/self_signed.h"

#include <cerrno>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "fmt/format.h"
#include "proxy/base/status_macros.h"
#include "proxy/net/address.h"
#include "proxy/net/socket.h"

namespace hawser::tls {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

absl::Status Failed() {
  return absl::InternalError(fmt::format("cannot make a certificate: {}", TakeError()));
}

// Built by hand and not from OpenSSL's "DNS:a,DNS:b" notation, in which a name could smuggle others in.
NamesPtr AlternativeNames(const std::vector<std::string>& names) {
  NamesPtr list(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    const auto ip = net::IpAddress::Parse(name);
    ASN1_STRING* value = ip.ok() ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (ip.ok()) {
      ASN1_STRING_set(value, ip->bytes().data(), static_cast<int>(ip->bytes().size()));
    } else {
      ASN1_STRING_set(value, name.data(), static_cast<int>(name.size()));
    }
    GENERAL_NAME* entry = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(entry, ip.ok() ? GEN_IPADD : GEN_DNS, value);
    sk_GENERAL_NAME_push(list.get(), entry);
  }
  return list;
}

bool AddExtension(X509* certificate, int nid, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool SetIdentity(X509* certificate, std::string_view common_name) {
  uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), (serial >> 1) | 1) == 1 &&
         X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

bool Fill(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& names, int days) {
  constexpr size_t kLongestCommonName = 64;  // RFC 5280, ub-common-name
  const bool fits = names.front().size() <= kLongestCommonName;
  const NamesPtr alternatives = AlternativeNames(names);
  return SetIdentity(certificate, fits ? std::string_view(names.front()) : "hawser") &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nullptr &&
         X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, nullptr) != nullptr &&
         X509_set_pubkey(certificate, key) == 1 &&
         X509_add1_ext_i2d(certificate, NID_subject_alt_name, alternatives.get(), 0, X509V3_ADD_DEFAULT) ==
             1 &&
         AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, NID_ext_key_usage, "serverAuth") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string Text(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

absl::Status WriteFile(const std::string& path, std::string_view text, mode_t mode) {
  // Anew each time: a file that is there may have a wider mode, or be a link to elsewhere.
  unlink(path.c_str());
  const net::Socket file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  while (file.open() && !text.empty()) {
    const ssize_t count = write(file.fd(), text.data(), text.size());
    if (count < 0) break;
    text.remove_prefix(static_cast<size_t>(count));
  }
  if (!file.open() || !text.empty())
    return absl::ErrnoToStatus(errno, fmt::format("cannot write '{}'", path));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SelfSigned> MakeSelfSigned(const std::vector<std::string>& names, int days) {
  if (names.empty()) return absl::InvalidArgumentError("a certificate needs a name");
  for (const std::string& name : names) {
    if (name.empty()) return absl::InvalidArgumentError("a certificate's name is empty");
  }
  ClearErrors();
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  if (key == nullptr || certificate == nullptr || !Fill(certificate.get(), key.get(), names, days)) {
    return Failed();
  }
  const BioPtr certificate_text(BIO_new(BIO_s_mem()));
  const BioPtr key_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Failed();
  }
  return SelfSigned{.certificate = Text(certificate_text.get()), .private_key = Text(key_text.get())};
}

absl::StatusOr<CertificateFiles> WriteTo(const SelfSigned& pair, const std::string& directory) {
  CertificateFiles files{.chain = directory + "/server.crt", .key = directory + "/server.key"};
  HAWSER_RETURN_IF_ERROR(WriteFile(files.chain, pair.certificate, 0644));
  HAWSER_RETURN_IF_ERROR(WriteFile(files.key, pair.private_key, 0600));
  return files;
}

}  // namespace hawser::tls
