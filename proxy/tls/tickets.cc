#include "proxy/tls/tickets.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "proxy/base/check.h"

namespace hawser::tls {
namespace {

bool SetMacKey(EVP_MAC_CTX* mac, std::array<unsigned char, 32>& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TicketKeys::TicketKeys(base::Duration rotation, Clock clock)
    : rotation_(rotation),
      clock_(std::move(clock)),
      algorithm_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)),
      current_(Make(clock_())) {
  HAWSER_DCHECK(rotation > base::Duration::zero());
}

TicketKeys::~TicketKeys() {
  EVP_CIPHER_free(algorithm_);
}

TicketKeys::Key TicketKeys::Make(base::TimePoint now) {
  Key key{.name = {}, .cipher = {}, .mac = {}, .born = now};
  const bool random = RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
                      RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1 &&
                      RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1;
  if (!random) std::abort();  // a key that can be guessed would open every session
  return key;
}

void TicketKeys::Rotate(base::TimePoint now) {
  std::unique_lock lock(mutex_);
  if (Signs(current_, now)) return;  // another thread was first
  previous_.reset();
  if (Accepts(current_, now)) previous_ = current_;
  current_ = Make(now);
}

bool TicketKeys::Seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const base::TimePoint now = clock_();
  std::shared_lock lock(mutex_);
  if (!Signs(current_, now)) {
    lock.unlock();
    Rotate(now);
    lock.lock();
  }
  Key key = current_;
  lock.unlock();
  std::memcpy(name, key.name.data(), key.name.size());
  return algorithm_ != nullptr && RAND_bytes(iv, EVP_CIPHER_get_iv_length(algorithm_)) == 1 &&
         EVP_EncryptInit_ex2(cipher, algorithm_, key.cipher.data(), iv, nullptr) == 1 &&
         SetMacKey(mac, key.mac);
}

TicketKeys::Verdict TicketKeys::Open(const unsigned char* name, const unsigned char* iv,
                                     EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const base::TimePoint now = clock_();
  std::optional<Key> key = Find(name, now);
  if (!key.has_value()) return Verdict::kUnknown;
  if (algorithm_ == nullptr ||
      EVP_DecryptInit_ex2(cipher, algorithm_, key->cipher.data(), iv, nullptr) != 1 ||
      !SetMacKey(mac, key->mac)) {
    return Verdict::kFailed;
  }
  return Signs(*key, now) ? Verdict::kAccepted : Verdict::kAcceptedOld;
}

// By age, not by place: a key whose time is over is refused even if nothing has rotated it away.
std::optional<TicketKeys::Key> TicketKeys::Find(const unsigned char* name, base::TimePoint now) const {
  const auto matches = [&](const Key& key) {
    return std::memcmp(key.name.data(), name, key.name.size()) == 0 && Accepts(key, now);
  };
  std::shared_lock lock(mutex_);
  if (matches(current_)) return current_;
  if (previous_.has_value() && matches(*previous_)) return previous_;
  return std::nullopt;
}

}  // namespace hawser::tls
