// The admin listener.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/section.h"
#include "config/values.h"
#include "proxy/net/address.h"

namespace hawser::config {

struct Admin {
  std::optional<net::SocketAddress> address;  // none: no admin listener
  std::vector<std::string> hosts;             // that requests may name, beside IP addresses and localhost
  std::string mode = "0600";                  // of a Unix socket's file: octal, as ModeOf reads it
  uint32_t connections = 64;                  // open at once; one more takes the place of the oldest
  Duration timeout = 30s;                     // from accept to the end of the answer
  uint32_t tunnels_shown = 10'000;            // rows of /tunnels
  uint32_t clients_shown = 100;               // rows of /clients
  bool operator==(const Admin&) const = default;
};

void Describe(Description& d, const Admin& admin);

void CheckAdmin(const Admin& admin, const Checks& checks);

}  // namespace hawser::config
