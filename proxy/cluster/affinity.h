// Cookie affinity: a client comes back to the endpoint that it had. The cookie is opaque and signed, so that
// a client can neither learn an address nor choose one. It carries all that is needed: hawsers with the same
// keys need not talk to each other. Its value is base64url of
//
//   version (1): 2 | minted, seconds of Unix time (4) | lifetime, seconds, 0 for none (4) | endpoint tag (8)
//     | MAC (16)                                                                      big-endian, 33 bytes
//
//   tag = HMAC-SHA256(key, "endpoint", cluster, address), cut to 8 bytes
//   MAC = HMAC-SHA256(key, "cookie", cluster, cookie name, the bytes before), cut to 16
//
// each part of a message behind its length. The first key signs; all verify, so that keys can be rotated.
// Whoever copies the cookie of another client goes where that client goes.
//
// While an endpoint sheds tunnels (Endpoint::shedding_since), cookies that were minted before do not lead to
// it: the clients that it gives away would come back.
//
// Version 1 is still read, for one release, and renewed. It had the expiry (5 bytes, 0 for none) instead of
// the two times, so that a cookie without one had no age.
//
// Endpoints are named by (cluster, address): the cookies survive everything that keeps these two.
//
// Immutable; shared by all workers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "config/schema.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/http/head.h"

namespace hawser::cluster {

using WallTime = std::chrono::sys_seconds;
WallTime WallNow();

enum class AffinityResult : uint8_t {
  kNone,     // neither the cluster nor the route has affinity
  kSet,      // the request has no cookie, or begins a session
  kHit,      // the cookie or the session named the endpoint that was picked
  kForged,   // malformed, or signed by none of the keys
  kExpired,  // genuine and too old
  // Genuine, but its endpoint left the cluster, is not available, has failed this request, or sheds those
  // that it had.
  kGone,
  kUnknown,  // the session is not in the stick table
  kCount,
};

// "none", "set", "hit", "forged", "expired", "gone", "unknown".
std::string_view NameOf(AffinityResult result);

struct AffinityLookup {
  AffinityResult result = AffinityResult::kNone;
  Endpoint* endpoint = nullptr;  // only with kHit
  bool renew = false;            // the client is to be given a new cookie for the endpoint that it gets
};

class Membership;

// The tags of some endpoints under all keys. Part of a Membership, which keeps the endpoints.
class AffinityTags {
 public:
  // By the tag under the key at that place; null if no endpoint has it. Of several endpoints with one address
  // the first.
  Endpoint* Find(size_t key, uint64_t tag) const;
  // Under the first key; nothing for another endpoint, or without keys.
  std::optional<uint64_t> Of(const Endpoint& endpoint) const;

 private:
  friend class Affinity;

  std::vector<absl::flat_hash_map<uint64_t, Endpoint*>> by_tag_;  // one a key
  absl::flat_hash_map<const Endpoint*, uint64_t> tags_;           // under the first key
};

class Affinity {
 public:
  // Without a key every cookie is forged and none is minted.
  Affinity(std::string_view cluster, const config::AffinityCookie& settings);

  AffinityTags TagsOf(std::span<const std::shared_ptr<Endpoint>> endpoints) const;

  // Looks up the request's cookies. Of several with the name, the first that leads to an endpoint counts; if
  // none does, the first that is genuine. Each costs a MAC for each key.
  AffinityLookup FindIn(const http::HeaderList& request, const Membership& membership, EndpointSet tried,
                        WallTime now) const;

  // Looks up one cookie's value. On a hit, renew is true when the cookie was signed by another key than the
  // first, has less than half of its time left, was minted under another ttl, or is of version 1.
  AffinityLookup Find(std::string_view cookie, const Membership& membership, EndpointSet tried,
                      WallTime now) const;

  // The value of a cookie that leads to `endpoint`, which is or was one of the cluster's; empty without a
  // key.
  std::string Mint(const Endpoint& endpoint, const Membership& membership, WallTime now) const;

  // The value of a Set-Cookie field that gives it to the client. `tls`: the client came over TLS.
  std::string SetCookieFor(const Endpoint& endpoint, const Membership& membership, WallTime now,
                           bool tls) const;

 private:
  struct Content;
  Content Read(std::span<const uint8_t> signed_bytes) const;
  bool ShouldRenew(uint64_t expiry, WallTime now) const;

  const std::string cluster_;
  const config::AffinityCookie settings_;
  const std::chrono::seconds ttl_;  // rounded up; 0: a session cookie
  const std::string mac_prefix_;    // what comes first in the message of every MAC
};

}  // namespace hawser::cluster
