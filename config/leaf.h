// Reads one value (a number, a duration, an address and so on) from a node. Every function returns the error,
// or nothing and the value; field_text.h has the text of what was expected.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "config/field_text.h"
#include "config/node.h"
#include "config/rules.h"

namespace hawser::config {

// The error if `node` is no leaf: a map, a list or null.
std::optional<std::string> NotAValue(const Node& node);

std::optional<std::string> ParseWhole(const Node& node, uint64_t min, uint64_t max, uint64_t& value);

template <Integer T>
std::optional<std::string> ParseLeaf(const Node& node, const Rules<T>& rules, T& value) {
  uint64_t whole = 0;
  if (auto what = ParseWhole(node, rules.min, rules.max, whole)) return what;
  value = static_cast<T>(whole);
  const bool allowed = rules.only.empty() || std::ranges::find(rules.only, value) != rules.only.end();
  return allowed ? std::nullopt : std::optional(Quote(node.text) + " is not allowed");
}

// Into the value of an enum.
std::optional<std::string> ParseLeaf(const Node& node, const WordRules& rules, uint8_t& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<bool>& rules, bool& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<double>& rules, double& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<Duration>& rules, Duration& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<ByteSize>& rules, ByteSize& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<LostCode>& rules, LostCode& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<CloseCode>& rules, CloseCode& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<Rate>& rules, Rate& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<ByteRate>& rules, ByteRate& value);
// Never quotes the value.
std::optional<std::string> ParseLeaf(const Node& node, const Rules<Secret>& rules, Secret& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<std::string>& rules, std::string& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::SocketAddress>& rules,
                                     net::SocketAddress& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<BackendAddress>& rules,
                                     BackendAddress& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<DnsServer>& rules, DnsServer& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::IpAddress>& rules,
                                     net::IpAddress& value);
std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::PeerBlock>& rules,
                                     net::PeerBlock& value);

// The rest of the sentence, for a leaf that did not parse.
template <class T>
std::string ExpectedFor(const Node&, const T& rules) {
  return ExpectedText(rules);
}

// Text that was probably meant as an address or an origin, or that needs quotes, gets a sentence of its own.
std::string ExpectedFor(const Node& node, const WordRules& rules);
std::string ExpectedFor(const Node& node, const Rules<Secret>& rules);
std::string ExpectedFor(const Node& node, const Rules<std::string>& rules);
std::string ExpectedFor(const Node& node, const Rules<net::SocketAddress>& rules);
std::string ExpectedFor(const Node& node, const Rules<BackendAddress>& rules);
std::string ExpectedFor(const Node& node, const Rules<net::PeerBlock>& rules);

}  // namespace hawser::config
