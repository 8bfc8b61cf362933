// What a name stands for: addresses (A and AAAA records), or services (SRV records, RFC 2782).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/net/address.h"

namespace hawser::resolve {

struct Addresses {
  std::vector<net::IpAddress> ips;  // each once; at least one
  // For how long they may be used: the smallest of all records, those of the CNAME chain too. Of /etc/hosts:
  // Duration::max().
  base::Duration ttl = base::Duration::max();
  // Of one family only: nobody could say what the other has. What an earlier answer had may still be there.
  bool partial = false;
};

struct Service {
  uint16_t priority = 0;  // lower ones are tried first
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target;  // in lower case, without a dot at its end; absolute: no search list applies
  bool operator==(const Service&) const = default;
};

struct Services {
  std::vector<Service> services;  // at least one
  base::Duration ttl = base::Duration::max();
};

}  // namespace hawser::resolve
