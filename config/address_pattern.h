// Addresses as regular expressions, for the JSON Schema: they accept what net::SocketAddress and
// net::PeerBlock parse, bits behind a prefix apart.
#pragma once

#include <string>

namespace hawser::config {

std::string SocketAddressPattern();
std::string PeerBlockPattern();

}  // namespace hawser::config
