#include "config/certificate_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "config/keys_file.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

template <auto kFree>
struct Free {
  void operator()(auto* object) const { kFree(object); }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

constexpr size_t kMostPemBytes = 1 << 20;
constexpr int kDaysOfNotice = 30;  // a renewal by hand must be planned

// Detects an encrypted key, instead of asking the terminal for its password.
int RefusePassword(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// The text of a file, or what is wrong with it in `fault`. OpenSSL passes over an object behind a byte order
// mark.
std::optional<std::string> ReadPem(const std::string& path, std::string& fault) {
  auto text = ReadFile(path, kMostPemBytes);
  if (!text.ok()) {
    const auto reason = text.status().message();
    fault = fmt::format("{} {}", path, std::string(reason.data(), reason.size()));
  } else if (WithoutByteOrderMark(*text).size() < text->size()) {
    fault = path + " begins with a byte order mark";
  }
  return fault.empty() ? std::optional(*std::move(text)) : std::nullopt;
}

BioPtr Memory(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<X509Ptr> ReadChain(const std::string& path, std::string& fault) {
  std::vector<X509Ptr> chain;
  const std::optional<std::string> text = ReadPem(path, fault);
  if (!text) return chain;
  const BioPtr bio = Memory(*text);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    chain.emplace_back(certificate);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (chain.empty() || !at_end) {
    fault = chain.empty() ? path + " holds no certificate"
                          : fmt::format("{}: certificate {} is broken", path, chain.size() + 1);
  }
  ERR_clear_error();
  return chain;
}

KeyPtr ReadKey(const std::string& path, std::string& fault) {
  const std::optional<std::string> text = ReadPem(path, fault);
  if (!text) return nullptr;
  const BioPtr bio = Memory(*text);
  bool encrypted = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, RefusePassword, &encrypted));
  if (key == nullptr) fault = path + (encrypted ? " is encrypted" : " holds no private key");
  ERR_clear_error();
  return key;
}

std::string CheckMatch(const Certificate& pair, const std::vector<X509Ptr>& chain, EVP_PKEY* key) {
  HAWSER_DCHECK(!chain.empty() && key != nullptr);
  for (size_t i = 0; i < chain.size(); ++i) {
    const bool matches = X509_check_private_key(chain[i].get(), key) == 1;
    ERR_clear_error();
    if (matches && i == 0) return {};
    if (matches) {
      return fmt::format("{} belongs to certificate {} of {}, which must come first", pair.private_key, i + 1,
                         pair.certificate);
    }
  }
  return fmt::format("{} is not the key of {}", pair.private_key, pair.certificate);
}

// OpenSSL refuses weak keys and digests.
std::string CheckServes(const Certificate& pair, X509* leaf) {
  const ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr || SSL_CTX_use_certificate(context.get(), leaf) == 1) return {};
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return fmt::format("{} is refused by OpenSSL: {}", pair.certificate,
                     reason == nullptr ? "unknown reason" : reason);
}

std::string TextOf(const ASN1_TIME* time) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

// "server.crt" for the leaf, "certificate 2 of server.crt" for the one behind it.
std::string NameOf(const std::string& path, size_t index) {
  return index == 0 ? path : fmt::format("certificate {} of {}", index + 1, path);
}

// Whole days until `time`; negative behind it.
int DaysUntil(const ASN1_TIME* time) {
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, time) != 1) return -1;
  return seconds < 0 ? days - 1 : days;
}

std::string InDays(int days) {
  return days == 0 ? "in less than a day" : fmt::format("in {} day{}", days, days == 1 ? "" : "s");
}

// Empty if nothing is wrong with them.
std::string CheckDates(const std::string& name, const X509* certificate) {
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const int days = DaysUntil(end);
  if (X509_cmp_current_time(end) < 0) return fmt::format("{} expired on {}", name, TextOf(end));
  if (X509_cmp_current_time(begin) > 0) return fmt::format("{} is not valid before {}", name, TextOf(begin));
  if (days < kDaysOfNotice) return fmt::format("{} ends on {}, {}", name, TextOf(end), InDays(days));
  return {};
}

bool Signed(X509* issuer, X509* subject) {
  const bool signed_by =
      X509_check_issued(issuer, subject) == X509_V_OK && X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return signed_by;
}

void CheckChain(const std::string& path, const std::vector<X509Ptr>& chain, CertificateFaults& faults) {
  for (size_t i = 0; i < chain.size(); ++i) {
    const std::string fault = CheckDates(NameOf(path, i), chain[i].get());
    if (!fault.empty()) faults.dates.push_back(fault);
    if (i == 0 || Signed(chain[i].get(), chain[i - 1].get())) continue;
    faults.links.push_back(fmt::format("{} did not sign certificate {}", NameOf(path, i), i));
  }
}

bool ValidToday(const X509* certificate) {
  return X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0 &&
         X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0;
}

}  // namespace

CertificateFaults CheckCertificate(const Certificate& pair) {
  CertificateFaults faults;
  const std::vector<X509Ptr> chain = ReadChain(pair.certificate, faults.certificate);
  const KeyPtr key = ReadKey(pair.private_key, faults.private_key);
  if (chain.empty()) return faults;
  if (faults.certificate.empty()) faults.certificate = CheckServes(pair, chain[0].get());
  if (key != nullptr) faults.private_key = CheckMatch(pair, chain, key.get());
  CheckChain(pair.certificate, chain, faults);
  return faults;
}

CertificateFaults CheckAuthorities(const std::string& path) {
  CertificateFaults faults;
  const std::vector<X509Ptr> authorities = ReadChain(path, faults.certificate);
  const bool usable = std::any_of(authorities.begin(), authorities.end(),
                                  [](const X509Ptr& authority) { return ValidToday(authority.get()); });
  if (!authorities.empty() && !usable)
    faults.dates.push_back(path + " holds no certificate that is valid today");
  return faults;
}

bool CiphersKnown(const std::string& ciphers) {
  const ContextPtr context(SSL_CTX_new(TLS_server_method()));
  const bool known = context == nullptr || SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) == 1;
  ERR_clear_error();
  return known;
}

}  // namespace hawser::config
