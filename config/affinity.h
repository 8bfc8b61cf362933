// What brings a client back to its endpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

enum class SameSite : uint8_t { kLax, kStrict, kNone };

struct AffinityCookie {
  std::string name;   // "hawser-" and a hash of the cluster's, made by the loader, if left out
  Duration ttl = 0s;  // 0: a session cookie
  std::string path = "/";
  std::optional<bool> secure;  // left out: true if all listeners have TLS, else if the client used it
  bool http_only = true;
  SameSite same_site = SameSite::kLax;
  std::vector<Secret> keys;              // at least 32 bytes each; the first signs, all verify
  std::optional<std::string> keys_file;  // one key a line
  bool operator==(const AffinityCookie&) const = default;
};

struct Affinity {
  std::optional<AffinityCookie> cookie;
  bool operator==(const Affinity&) const = default;
};

void Describe(Description& d, const AffinityCookie& cookie);
void Describe(Description& d, const Affinity& affinity);

// Also reads the keys of a keys_file into `keys`, if checks.files. `all_tls`: every listener has TLS.
void CheckAffinity(Affinity& affinity, bool all_tls, const Checks& checks);

}  // namespace hawser::config
