// How host names of endpoints are resolved.
#pragma once

#include <cstdint>
#include <vector>

#include "config/section.h"
#include "config/values.h"
#include "proxy/net/address.h"

namespace hawser::config {

struct DnsServer {  // written 127.0.0.1, 127.0.0.1:5300 or "[::1]:53"; port 53 if left out
  net::SocketAddress address;
  bool operator==(const DnsServer&) const = default;
};

// kAuto: IPv4 if there is an A record, else IPv6.
enum class IpFamily : uint8_t { kAuto, kIpv4, kIpv6, kBoth };

struct Dns {
  std::vector<DnsServer> servers;  // the system's, if left out
  Duration min_refresh = 1s;       // a name is asked for again when its TTL is over, within these two
  Duration max_refresh = 60s;
  Duration hold = 30s;            // an address is gone that was in no answer for this time
  Duration initial_timeout = 5s;  // at start, for the first answers
  Duration timeout = 2s;          // of one query to one server
  uint32_t attempts = 3;          // queries to each server
  IpFamily ip_family = IpFamily::kAuto;
  bool operator==(const Dns&) const = default;
};

void Describe(Description& d, const Dns& dns);

void CheckDns(const Dns& dns, const Checks& checks);

}  // namespace hawser::config
