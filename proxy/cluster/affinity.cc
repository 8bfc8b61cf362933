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
#include "proxy/cluster/membership.h"
#include "proxy/http/cookie.h"

namespace hawser::cluster {
namespace {

constexpr uint8_t kVersion = 2;
constexpr size_t kTimeBytes = 4;  // until 2106
constexpr size_t kTagBytes = 8;
constexpr size_t kSignedBytes = 1 + 2 * kTimeBytes + kTagBytes;
constexpr size_t kMacBytes = 16;
using CookieBytes = std::array<uint8_t, kSignedBytes + kMacBytes>;
using Digest = std::array<uint8_t, 32>;

constexpr uint8_t kOldVersion = 1;
constexpr size_t kOldExpiryBytes = 5;
constexpr size_t kOldCookieBytes = 1 + kOldExpiryBytes + kTagBytes + kMacBytes;

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

Digest MacOf(std::string_view key, std::string message, std::span<const uint8_t> signed_bytes) {
  message.append(signed_bytes.begin(), signed_bytes.end());
  return Hmac(key, message);
}

// The cookie in `bytes`; empty where it is malformed.
std::span<const uint8_t> Decode(std::string_view cookie, CookieBytes& bytes) {
  const std::span<uint8_t> old = std::span(bytes).first<kOldCookieBytes>();
  if (DecodeBase64Url(cookie, bytes) && bytes[0] == kVersion) return bytes;
  if (DecodeBase64Url(cookie, old) && old[0] == kOldVersion) return old;
  return {};
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

Endpoint* AffinityTags::Find(size_t key, uint64_t tag) const {
  HAWSER_DCHECK(key < by_tag_.size());
  const auto found = by_tag_[key].find(tag);
  return found == by_tag_[key].end() ? nullptr : found->second;
}

std::optional<uint64_t> AffinityTags::Of(const Endpoint& endpoint) const {
  const auto found = tags_.find(&endpoint);
  return found == tags_.end() ? std::nullopt : std::optional(found->second);
}

// What the MAC of a cookie covers.
struct Affinity::Content {
  int64_t minted;   // 0: nobody knows
  uint64_t expiry;  // 0: none
  uint64_t tag;
  bool old_version;
};

// The signed bytes follow the prefix as the last part. They begin with the version, which tells how long they
// are: they need no length before them.
Affinity::Affinity(std::string_view cluster, const config::AffinityCookie& settings)
    : cluster_(cluster),
      settings_(settings),
      ttl_(std::chrono::ceil<std::chrono::seconds>(settings.ttl)),
      mac_prefix_(Framed({"cookie", cluster, settings.name})) {}

AffinityTags Affinity::TagsOf(std::span<const std::shared_ptr<Endpoint>> endpoints) const {
  AffinityTags tags;
  for (const config::Secret& key : settings_.keys) {
    auto& by_tag = tags.by_tag_.emplace_back();
    for (const auto& endpoint : endpoints) {
      const uint64_t tag = TagOf(key.value, cluster_, *endpoint);
      by_tag.emplace(tag, endpoint.get());
      if (tags.by_tag_.size() == 1) tags.tags_.emplace(endpoint.get(), tag);
    }
  }
  return tags;
}

AffinityLookup Affinity::FindIn(const http::HeaderList& request, const Membership& membership,
                                EndpointSet tried, WallTime now) const {
  AffinityLookup best{AffinityResult::kSet, nullptr, true};
  http::CookieReader cookies(request, settings_.name);
  for (int looked = 0; looked < kMostCookies; ++looked) {
    const auto cookie = cookies.Next();
    if (!cookie) break;
    const AffinityLookup found = Find(*cookie, membership, tried, now);
    HAWSER_DCHECK((found.result == AffinityResult::kHit) == (found.endpoint != nullptr));
    if (found.endpoint != nullptr) return found;
    const bool genuine_before = best.result != AffinityResult::kSet && best.result != AffinityResult::kForged;
    if (!genuine_before) best = found;
  }
  return best;
}

AffinityLookup Affinity::Find(std::string_view cookie, const Membership& membership, EndpointSet tried,
                              WallTime now) const {
  const AffinityLookup forged{AffinityResult::kForged, nullptr, true};
  CookieBytes buffer;
  const std::span<const uint8_t> bytes = Decode(cookie, buffer);
  if (bytes.empty()) return forged;

  const auto signed_bytes = bytes.first(bytes.size() - kMacBytes);
  const std::vector<config::Secret>& keys = settings_.keys;
  const auto signed_by = [&](const config::Secret& key) {
    const Digest mac = MacOf(key.value, mac_prefix_, signed_bytes);
    return CRYPTO_memcmp(mac.data(), bytes.last<kMacBytes>().data(), kMacBytes) == 0;
  };
  const auto key = std::find_if(keys.begin(), keys.end(), signed_by);
  if (key == keys.end()) return forged;

  const Content content = Read(signed_bytes);
  if (content.expiry != 0 && content.expiry <= SecondsOf(now))
    return {AffinityResult::kExpired, nullptr, true};
  Endpoint* endpoint = membership.FindByTag(static_cast<size_t>(key - keys.begin()), content.tag);
  const bool gone =
      endpoint == nullptr || !Usable(*endpoint, tried) || content.minted < endpoint->shedding_since();
  if (gone) return {AffinityResult::kGone, nullptr, true};
  const bool renew = key != keys.begin() || content.old_version || ShouldRenew(content.expiry, now);
  return {AffinityResult::kHit, endpoint, renew};
}

// Version 1 tells when it was minted only if it had the ttl of today.
Affinity::Content Affinity::Read(std::span<const uint8_t> signed_bytes) const {
  const uint64_t tag = LoadNumber(signed_bytes.last<kTagBytes>());
  const auto ttl = static_cast<uint64_t>(ttl_.count());
  if (signed_bytes[0] == kOldVersion) {
    const uint64_t expiry = LoadNumber(signed_bytes.subspan<1, kOldExpiryBytes>());
    const bool known = expiry != 0 && ttl != 0 && expiry > ttl;
    const auto minted = known ? static_cast<int64_t>(expiry - ttl) : 0;
    return {.minted = minted, .expiry = expiry, .tag = tag, .old_version = true};
  }
  const uint64_t minted = LoadNumber(signed_bytes.subspan<1, kTimeBytes>());
  const uint64_t lifetime = LoadNumber(signed_bytes.subspan<1 + kTimeBytes, kTimeBytes>());
  return {.minted = static_cast<int64_t>(minted),
          .expiry = lifetime == 0 ? 0 : minted + lifetime,
          .tag = tag,
          .old_version = false};
}

bool Affinity::ShouldRenew(uint64_t expiry, WallTime now) const {
  const bool session_cookie = expiry == 0;
  if (session_cookie || ttl_.count() == 0) return session_cookie != (ttl_.count() == 0);
  HAWSER_DCHECK(expiry > SecondsOf(now));  // else it has expired
  const uint64_t left = expiry - SecondsOf(now);
  const auto ttl = static_cast<uint64_t>(ttl_.count());
  return left < ttl / 2 || left > ttl;
}

std::string Affinity::Mint(const Endpoint& endpoint, const Membership& membership, WallTime now) const {
  HAWSER_DCHECK(endpoint.cluster() == cluster_);
  if (settings_.keys.empty()) return "";
  const std::string& key = settings_.keys.front().value;
  // One that has left since it was picked has none.
  const std::optional<uint64_t> known = membership.TagOf(endpoint);
  const uint64_t tag = known ? *known : TagOf(key, cluster_, endpoint);
  CookieBytes bytes;
  const std::span all(bytes);
  bytes[0] = kVersion;
  Store(SecondsOf(now), all.subspan<1, kTimeBytes>());
  Store(static_cast<uint64_t>(ttl_.count()), all.subspan<1 + kTimeBytes, kTimeBytes>());
  Store(tag, all.subspan<1 + 2 * kTimeBytes, kTagBytes>());
  const Digest mac = MacOf(key, mac_prefix_, all.first<kSignedBytes>());
  std::copy_n(mac.begin(), kMacBytes, all.last<kMacBytes>().begin());
  return EncodeBase64Url(bytes);
}

std::string Affinity::SetCookieFor(const Endpoint& endpoint, const Membership& membership, WallTime now,
                                   bool tls) const {
  const std::string value = Mint(endpoint, membership, now);
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
