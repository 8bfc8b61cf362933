// Addresses as regular expressions, for the JSON Schema: they accept what the loader parses, apart from bits
// behind a prefix and names that are too long.
#pragma once

#include <string>

namespace hawser::config {

std::string SocketAddressPattern();
std::string BackendAddressPattern();
std::string DnsServerPattern();
std::string IpAddressPattern();
std::string PeerBlockPattern();

}  // namespace hawser::config
