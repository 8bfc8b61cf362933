// How the types of fields read in English: their name, their bounds, a value, and the "expected ..." of an
// error. The loader and the reference take their words from here.
#pragma once

#include <cstdint>
#include <string>

#include "config/backend_address.h"
#include "config/dns.h"
#include "config/rules.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

// "1 to 100", "at least 1", or "0 or more" where the type itself is the bound.
std::string RangeText(uint64_t min, uint64_t max, uint64_t most);

// The type: "duration", "whole number".
template <Integer T>
std::string TypeText(const Rules<T>&) {
  return "whole number";
}
inline std::string TypeText(const WordRules&) {
  return "word";
}
inline std::string TypeText(const Rules<bool>&) {
  return "true or false";
}
inline std::string TypeText(const Rules<double>&) {
  return "number";
}
inline std::string TypeText(const Rules<Duration>&) {
  return "duration";
}
inline std::string TypeText(const Rules<ByteSize>&) {
  return "size";
}
inline std::string TypeText(const Rules<LostCode>&) {
  return "close code";
}
inline std::string TypeText(const Rules<CloseCode>&) {
  return "close code";
}
inline std::string TypeText(const Rules<Rate>&) {
  return "rate";
}
inline std::string TypeText(const Rules<ByteRate>&) {
  return "rate of bytes";
}
inline std::string TypeText(const Rules<Secret>&) {
  return "secret";
}
inline std::string TypeText(const Rules<net::SocketAddress>&) {
  return "address";
}
inline std::string TypeText(const Rules<BackendAddress>&) {
  return "backend address";
}
inline std::string TypeText(const Rules<DnsServer>&) {
  return "DNS server";
}
inline std::string TypeText(const Rules<net::IpAddress>&) {
  return "IP address";
}
inline std::string TypeText(const Rules<net::PeerBlock>&) {
  return "peers";
}
inline std::string TypeText(const Rules<std::string>& rules) {
  return std::string(TypeOf(rules.form));
}

// The bounds: "1 to 100", "at least 32 bytes"; empty where there are none.
template <Integer T>
std::string BoundsText(const Rules<T>& rules) {
  if (!rules.only.empty()) return fmt::format("{}", fmt::join(rules.only, ", "));
  return RangeText(rules.min, rules.max, std::numeric_limits<T>::max());
}
std::string BoundsText(const WordRules& rules);
inline std::string BoundsText(const Rules<bool>& rules) {
  return rules.only_true ? "`true`" : "";
}
std::string BoundsText(const Rules<double>& rules);
std::string BoundsText(const Rules<Duration>& rules);
std::string BoundsText(const Rules<ByteSize>& rules);
inline std::string BoundsText(const Rules<LostCode>&) {
  return "0, 1001, 1011 to 1014, 3000 to 4999";
}
inline std::string BoundsText(const Rules<CloseCode>&) {
  return "1001, 1011 to 1014, 3000 to 4999";
}
std::string BoundsText(const Rules<Rate>& rules);
std::string BoundsText(const Rules<ByteRate>& rules);
std::string BoundsText(const Rules<Secret>& rules);
inline std::string BoundsText(const Rules<net::SocketAddress>&) {
  return {};
}
inline std::string BoundsText(const Rules<BackendAddress>&) {
  return {};
}
inline std::string BoundsText(const Rules<DnsServer>&) {
  return {};
}
inline std::string BoundsText(const Rules<net::IpAddress>&) {
  return {};
}
inline std::string BoundsText(const Rules<net::PeerBlock>&) {
  return {};
}
std::string BoundsText(const Rules<std::string>& rules);

// What an error says: "expected a whole number, 1 to 100".
template <Integer T>
std::string ExpectedText(const Rules<T>& rules) {
  const std::string bounds = BoundsText(rules);
  return bounds.empty() ? "expected a whole number" : "expected a whole number, " + bounds;
}
std::string ExpectedText(const WordRules& rules);
std::string ExpectedText(const Rules<bool>& rules);
std::string ExpectedText(const Rules<double>& rules);
std::string ExpectedText(const Rules<Duration>& rules);
std::string ExpectedText(const Rules<ByteSize>& rules);
inline std::string ExpectedText(const Rules<LostCode>& rules) {
  return "expected " + BoundsText(rules);
}
inline std::string ExpectedText(const Rules<CloseCode>& rules) {
  return "expected " + BoundsText(rules);
}
std::string ExpectedText(const Rules<Rate>& rules);
std::string ExpectedText(const Rules<ByteRate>& rules);
std::string ExpectedText(const Rules<Secret>& rules);
std::string ExpectedText(const Rules<net::SocketAddress>& rules);
std::string ExpectedText(const Rules<BackendAddress>& rules);
std::string ExpectedText(const Rules<DnsServer>& rules);
std::string ExpectedText(const Rules<net::IpAddress>& rules);
std::string ExpectedText(const Rules<net::PeerBlock>& rules);
std::string ExpectedText(const Rules<std::string>& rules);

}  // namespace hawser::config
