#include "proxy/tls/certificate.h"

#include <ctime>
#include <memory>
#include <utility>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fmt/format.h"
#include "proxy/base/status_macros.h"

namespace hawser::tls {
namespace {

absl::StatusOr<BioPtr> Open(const std::string& path, std::string_view what) {
  ClearErrors();
  BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (file == nullptr) return Bad(fmt::format("cannot read {} '{}': {}", what, path, TakeError()));
  return file;
}

// There is no terminal at which OpenSSL could ask for one.
int RefusePassphrase(char*, int, int, void*) {
  return -1;
}

absl::Status ReadChain(const std::string& path, Certificate& certificate) {
  HAWSER_ASSIGN_OR_RETURN(const BioPtr file, Open(path, "certificate"));
  certificate.leaf.reset(PEM_read_bio_X509_AUX(file.get(), nullptr, RefusePassphrase, nullptr));
  if (certificate.leaf == nullptr) {
    return Bad(fmt::format("'{}' holds no PEM certificate: {}", path, TakeError()));
  }
  certificate.intermediates.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(file.get(), nullptr, RefusePassphrase, nullptr)) {
    sk_X509_push(certificate.intermediates.get(), next);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = TakeError();
  if (!at_end) return Bad(fmt::format("'{}' holds a damaged certificate: {}", path, reason));
  return absl::OkStatus();
}

absl::Status ReadKey(const CertificateFiles& files, Certificate& certificate) {
  HAWSER_ASSIGN_OR_RETURN(const BioPtr file, Open(files.key, "private key"));
  certificate.key.reset(PEM_read_bio_PrivateKey(file.get(), nullptr, RefusePassphrase, nullptr));
  if (certificate.key == nullptr) {
    return Bad(fmt::format("'{}' holds no PEM private key without a passphrase: {}", files.key, TakeError()));
  }
  if (X509_check_private_key(certificate.leaf.get(), certificate.key.get()) != 1) {
    ERR_clear_error();
    return Bad(fmt::format("private key '{}' does not belong to certificate '{}'", files.key, files.chain));
  }
  return absl::OkStatus();
}

std::string_view TextOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

void AddName(std::string_view name, std::vector<std::string>& names) {
  // With a NUL inside, a name would compare equal to its part before the NUL.
  if (name.empty() || name.find('\0') != std::string_view::npos) return;
  names.push_back(NormalizeName(name));
}

std::vector<std::string> NamesOf(X509* leaf) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type == GEN_DNS) AddName(TextOf(name->d.dNSName), names);
  }
  GENERAL_NAMES_free(alternatives);
  if (!names.empty()) return names;

  const X509_NAME* subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) AddName(TextOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), names);
  return names;
}

struct TextFree {
  void operator()(char* text) const { OPENSSL_free(text); }
};
struct NumberFree {
  void operator()(BIGNUM* number) const { BN_free(number); }
};

CertificateFacts FactsOf(const X509* leaf) {
  CertificateFacts facts{};
  const std::unique_ptr<BIGNUM, NumberFree> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), nullptr));
  const std::unique_ptr<char, TextFree> digits(number == nullptr ? nullptr : BN_bn2hex(number.get()));
  if (digits != nullptr) facts.serial = digits.get();
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &end) == 1) {
    facts.not_after = std::chrono::sys_seconds(std::chrono::seconds(timegm(&end)));
  }
  return facts;
}

}  // namespace

void ChainFree::operator()(STACK_OF(X509) * chain) const {
  sk_X509_pop_free(chain, X509_free);
}

absl::StatusOr<Certificate> LoadCertificate(const CertificateFiles& files) {
  Certificate certificate;
  HAWSER_RETURN_IF_ERROR(ReadChain(files.chain, certificate));
  HAWSER_RETURN_IF_ERROR(ReadKey(files, certificate));
  certificate.names = NamesOf(certificate.leaf.get());
  certificate.facts = FactsOf(certificate.leaf.get());
  ClearErrors();
  return certificate;
}

std::string NormalizeName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string WildcardFor(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  return fmt::format("*{}", name.substr(dot));
}

}  // namespace hawser::tls
