#include "proxy/cluster/affinity.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>
#include <span>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "proxy/base/check.h"
#include "proxy/cluster/base64url.h"
#include "proxy/http/cookie.h"

namespace hawser::cluster {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kExpiryBytes = 5;
constexpr size_t kTagBytes = 8;
constexpr size_t kSignedBytes = 1 + kExpiryBytes + kTagBytes;
constexpr size_t kMacBytes = 16;
using CookieBytes = std::array<uint8_t, kSignedBytes + kMacBytes>;
using Digest = std::array<uint8_t, 32>;

void Store(uint64_t number, std::span<uint8_t> bytes) {
  for (size_t i = bytes.size(); i-- > 0; number >>= 8) bytes[i] = static_cast<uint8_t>(number);
}

uint64_t LoadNumber(std::span<const uint8_t> bytes) {
  uint64_t number = 0;
  for (const uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

// Puts each part's length in front of it, so that different lists of parts make different messages.
std::string Framed(std::initializer_list<std::string_view> parts) {
  std::string message;
  for (const std::string_view part : parts) {
    std::array<uint8_t, 4> length;
    Store(part.size(), length);
    message.append(length.begin(), length.end());
    message += part;
  }
  return message;
}

Digest Hmac(std::string_view key, std::string_view message) {
  Digest digest{};
  unsigned length = digest.size();
  const void* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const uint8_t*>(message.data()), message.size(), digest.data(), &length);
  // Out of memory. To go on would be to accept, and to hand out, a MAC that everybody can guess.
  if (made == nullptr) std::abort();
  return digest;
}

uint64_t TagOf(std::string_view key, std::string_view cluster, const Endpoint& endpoint) {
  const Digest digest = Hmac(key, Framed({"endpoint", cluster, endpoint.name()}));
  return LoadNumber(std::span(digest).first<kTagBytes>());
}

Digest MacOf(std::string_view key, std::string message, std::span<const uint8_t, kSignedBytes> signed_bytes) {
  message.append(signed_bytes.begin(), signed_bytes.end());
  return Hmac(key, message);
}

uint64_t ExpiryIn(const CookieBytes& bytes) {
  return LoadNumber(std::span(bytes).subspan<1, kExpiryBytes>());
}
uint64_t TagIn(const CookieBytes& bytes) {
  return LoadNumber(std::span(bytes).subspan<1 + kExpiryBytes, kTagBytes>());
}

http::SameSite SameSiteOf(config::SameSite same_site) {
  switch (same_site) {
    case config::SameSite::kLax: break;
    case config::SameSite::kStrict: return http::SameSite::kStrict;
    case config::SameSite::kNone: return http::SameSite::kNone;
  }
  return http::SameSite::kLax;
}

uint64_t SecondsOf(WallTime time) {
  return static_cast<uint64_t>(time.time_since_epoch().count());
}

// Each costs a digest for each key. Browsers send one for each path and domain that has set it.
constexpr int kMostCookies = 4;

}  // namespace

WallTime WallNow() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string_view NameOf(AffinityResult result) {
  switch (result) {
    case AffinityResult::kNone: return "none";
    case AffinityResult::kSet: return "set";
    case AffinityResult::kHit: return "hit";
    case AffinityResult::kForged: return "forged";
    case AffinityResult::kExpired: return "expired";
    case AffinityResult::kGone: return "gone";
    case AffinityResult::kUnknown: return "unknown";
    case AffinityResult::kCount: break;
  }
  return "";
}

Affinity::Affinity(std::string_view cluster, const config::AffinityCookie& settings, Endpoints endpoints)
    : settings_(settings), ttl_(std::chrono::ceil<std::chrono::seconds>(settings.ttl)) {
  // The signed bytes follow as the last part: of one length always, they need none before them.
  mac_prefix_ = Framed({"cookie", cluster, settings.name});
  for (const config::Secret& secret : settings.keys) {
    Key& key = keys_.emplace_back(Key{.secret = secret.value, .endpoints = {}});
    for (const auto& endpoint : endpoints) {
      const uint64_t tag = TagOf(key.secret, cluster, *endpoint);
      key.endpoints.emplace(tag, endpoint.get());
      if (keys_.size() == 1) tags_.emplace(endpoint.get(), tag);
    }
  }
}

AffinityLookup Affinity::FindIn(const http::HeaderList& request, EndpointSet tried, WallTime now) const {
  AffinityLookup best{AffinityResult::kSet, nullptr, true};
  http::CookieReader cookies(request, settings_.name);
  for (int looked = 0; looked < kMostCookies; ++looked) {
    const auto cookie = cookies.Next();
    if (!cookie) break;
    const AffinityLookup found = Find(*cookie, tried, now);
    HAWSER_DCHECK((found.result == AffinityResult::kHit) == (found.endpoint != nullptr));
    if (found.endpoint != nullptr) return found;
    const bool genuine_before = best.result != AffinityResult::kSet && best.result != AffinityResult::kForged;
    if (!genuine_before) best = found;
  }
  return best;
}

AffinityLookup Affinity::Find(std::string_view cookie, EndpointSet tried, WallTime now) const {
  const AffinityLookup forged{AffinityResult::kForged, nullptr, true};
  CookieBytes bytes;
  if (!DecodeBase64Url(cookie, bytes) || bytes[0] != kVersion) return forged;

  const auto signed_by = [&](const Key& key) {
    const Digest mac = MacOf(key.secret, mac_prefix_, std::span(bytes).first<kSignedBytes>());
    return CRYPTO_memcmp(mac.data(), bytes.data() + kSignedBytes, kMacBytes) == 0;
  };
  const auto key = std::find_if(keys_.begin(), keys_.end(), signed_by);
  if (key == keys_.end()) return forged;

  const uint64_t expiry = ExpiryIn(bytes);
  if (expiry != 0 && expiry <= SecondsOf(now)) return {AffinityResult::kExpired, nullptr, true};
  const auto found = key->endpoints.find(TagIn(bytes));
  if (found == key->endpoints.end() || !Usable(*found->second, tried))
    return {AffinityResult::kGone, nullptr, true};
  HAWSER_DCHECK(found->second != nullptr);
  return {AffinityResult::kHit, found->second, key != keys_.begin() || ShouldRenew(expiry, now)};
}

bool Affinity::ShouldRenew(uint64_t expiry, WallTime now) const {
  const bool session_cookie = expiry == 0;
  if (session_cookie || ttl_.count() == 0) return session_cookie != (ttl_.count() == 0);
  HAWSER_DCHECK(expiry > SecondsOf(now));  // else it has expired
  const uint64_t left = expiry - SecondsOf(now);
  const auto ttl = static_cast<uint64_t>(ttl_.count());
  return left < ttl / 2 || left > ttl;
}

std::string Affinity::Mint(const Endpoint& endpoint, WallTime now) const {
  const auto tag = tags_.find(&endpoint);
  if (tag == tags_.end()) return "";
  HAWSER_DCHECK(!keys_.empty());  // the tags are the first key's
  CookieBytes bytes;
  const std::span all(bytes);
  bytes[0] = kVersion;
  Store(ttl_.count() == 0 ? 0 : SecondsOf(now + ttl_), all.subspan<1, kExpiryBytes>());
  Store(tag->second, all.subspan<1 + kExpiryBytes, kTagBytes>());
  const Digest mac = MacOf(keys_.front().secret, mac_prefix_, all.first<kSignedBytes>());
  std::copy_n(mac.begin(), kMacBytes, all.last<kMacBytes>().begin());
  return EncodeBase64Url(bytes);
}

std::string Affinity::SetCookieFor(const Endpoint& endpoint, WallTime now, bool tls) const {
  const std::string value = Mint(endpoint, now);
  http::SetCookie cookie{.name = settings_.name,
                         .value = value,
                         .path = settings_.path,
                         .secure = settings_.secure.value_or(tls),
                         .http_only = settings_.http_only,
                         .same_site = SameSiteOf(settings_.same_site)};
  if (ttl_.count() != 0) cookie.max_age = ttl_;
  return http::ToString(cookie);
}

}  // namespace hawser::cluster
