// The keys of stateless session tickets (RFC 5077, RFC 8446 §4.6.1). Every key is made here and never leaves
// the process. It signs for `rotation` and is accepted for as long again: who steals it can read sessions of
// at most two rotations. A ticket under the older key is accepted and replaced.
#pragma once

#include <array>
#include <optional>
#include <shared_mutex>

#include <openssl/types.h>

#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"

namespace hawser::tls {

// Any thread: every worker's handshakes use it, under a lock that is exclusive only for a rotation.
class TicketKeys {
 public:
  using Clock = absl::AnyInvocable<base::TimePoint() const>;

  // rotation > 0. `clock` is called from any thread.
  explicit TicketKeys(base::Duration rotation, Clock clock = base::SteadyNow);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  base::Duration rotation() const { return rotation_; }

  // Replaces the signing key if its time is over at `now`. Seal does so by itself.
  void Rotate(base::TimePoint now);

  // The two halves of OpenSSL's ticket callback: AES-256-CBC and HMAC-SHA256, set up in `cipher` and `mac`.
  // Seal names the key and makes the IV. False: out of randomness or memory, no ticket is sent.
  bool Seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  enum class Verdict { kUnknown, kAccepted, kAcceptedOld, kFailed };
  Verdict Open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);

 private:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
    base::TimePoint born;
    ~Key();  // wipes
  };

  static Key Make(base::TimePoint now);
  bool Signs(const Key& key, base::TimePoint now) const { return now - key.born < rotation_; }
  bool Accepts(const Key& key, base::TimePoint now) const { return now - key.born < 2 * rotation_; }
  std::optional<Key> Find(const unsigned char* name, base::TimePoint now) const;

  const base::Duration rotation_;
  const Clock clock_;
  EVP_CIPHER* const algorithm_;  // fetched once: OpenSSL 3 looks it up again for every use otherwise

  mutable std::shared_mutex mutex_;
  Key current_;
  std::optional<Key> previous_;
};

}  // namespace hawser::tls
