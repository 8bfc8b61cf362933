// Guesses what was meant by text that is not an address, a block of addresses or an origin: forms that other
// programs accept.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hawser::config {

struct Hint {
  std::string what;      // is wrong, as in Diagnostic
  std::string expected;  // likewise
};

// Of an address to listen on. None if net::SocketAddress::Parse accepts the text, or its meaning is unclear.
std::optional<Hint> AddressHint(std::string_view text);

// Likewise of an address to connect to, by BackendAddress::Parse.
std::optional<Hint> BackendHint(std::string_view text);

// Likewise, by net::PeerBlock::Parse.
std::optional<Hint> PeersHint(std::string_view text);

// What is expected instead of text that does not have Form::kOrigin: "expected https://www.example.com".
std::optional<std::string> OriginHint(std::string_view text);

}  // namespace hawser::config
