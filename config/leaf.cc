#include "config/leaf.h"

#include <cmath>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/address_hint.h"
#include "config/core_schema.h"
#include "config/suggest.h"
#include "config/units.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

constexpr std::string_view kListedAddress =
    "put an IPv6 address and its port in quotes, such as \"[::1]:80\"";

bool IsQuoted(const Node& node) {
  return node.kind == Node::Kind::kQuoted;
}

std::string InQuotes(const Node& node) {
  return Quote(node.text) + " is in quotes";
}

std::string OutOfRange(const Node& node) {
  return Quote(node.text) + " is out of range";
}

std::string NotA(const Node& node, std::string_view type) {
  return fmt::format("{} is not a {}", Quote(node.text), type);
}

// The number that a plain scalar is.
std::optional<CoreNumber> NumberIn(const Node& node) {
  return IsQuoted(node) ? std::nullopt : ParseCoreNumber(node.text);
}

// The one number that needs no unit, however it is written.
bool IsZero(const Node& node) {
  const std::optional<CoreNumber> number = NumberIn(node);
  return number && number->value == 0;
}

bool IsNumber(const Node& node) {
  return ParseCoreNumber(node.text).has_value();
}

std::optional<ByteSize> SizeIn(const Node& node) {
  const std::optional<CoreNumber> number = NumberIn(node);
  if (!number) return ParseSize(node.text);
  return number->whole ? std::optional(ByteSize{*number->whole}) : std::nullopt;
}

// The parser of addresses names the part that is wrong.
std::string AddressFault(const Node& node, const absl::Status& status) {
  constexpr size_t kLongest = 128;
  if (node.text.size() > kLongest) return NotA(node, "valid address");
  if (node.text.find_first_of(":/") == std::string::npos) return NotA(node, "valid address");
  return std::string(status.message().data(), status.message().size());
}

bool NeedsQuotes(const Node& node) {
  return !IsQuoted(node) && !IsCoreText(node.text);
}

std::string_view WithoutQuotes(const Node& node) {
  return CoreTruth(node.text) ? "is a truth value" : "is a number";
}

}  // namespace

std::optional<std::string> NotAValue(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "has no value";
    case Node::Kind::kList: return "is a list";
    case Node::Kind::kMap: return "is a map";
    case Node::Kind::kPlain:
    case Node::Kind::kQuoted: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> ParseWhole(const Node& node, uint64_t min, uint64_t max, uint64_t& value) {
  HAWSER_DCHECK(node.scalar() && min <= max);
  const std::optional<CoreNumber> number = ParseCoreNumber(node.text);
  const bool whole = number && number->value == std::trunc(number->value);
  if (!whole) return NotA(node, "whole number");
  if (IsQuoted(node)) return InQuotes(node);
  if (!number->whole || *number->whole < min || *number->whole > max) return OutOfRange(node);
  value = *number->whole;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const WordRules& rules, uint8_t& value) {
  const std::optional<CoreNumber> number = NumberIn(node);
  const std::string text = number && number->whole ? fmt::to_string(*number->whole) : node.text;
  for (const auto& [word, its_value] : rules.words) {
    if (word != text) continue;
    if (IsQuoted(node) && IsNumber(node)) return InQuotes(node);
    value = its_value;
    return std::nullopt;
  }
  return Quote(node.text) + " is not known";
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<bool>& rules, bool& value) {
  HAWSER_DCHECK(node.scalar());
  const std::optional<bool> truth = CoreTruth(node.text);
  if (!truth) return NotA(node, "truth value");
  if (IsQuoted(node)) return InQuotes(node);
  if (rules.only_true && !*truth) return Quote(node.text) + " is not allowed";
  value = *truth;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<double>& rules, double& value) {
  HAWSER_DCHECK(node.scalar());
  const std::optional<CoreNumber> number = ParseCoreNumber(node.text);
  if (!number) return NotA(node, "number");
  if (IsQuoted(node)) return InQuotes(node);
  if (!(number->value >= rules.min && number->value <= rules.max)) return OutOfRange(node);
  value = number->value;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<Duration>& rules, Duration& value) {
  HAWSER_DCHECK(node.scalar());
  const std::optional<Duration> duration = IsZero(node) ? Duration(0) : ParseDuration(node.text);
  if (!duration && IsNumber(node)) return Quote(node.text) + " has no unit";
  if (!duration) return NotA(node, "duration");
  if (*duration < rules.min || *duration > rules.max) return OutOfRange(node);
  value = *duration;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<ByteSize>& rules, ByteSize& value) {
  HAWSER_DCHECK(node.scalar());
  const std::optional<ByteSize> size = SizeIn(node);
  if (!size) return NotA(node, "size");
  if (size->bytes < rules.min || size->bytes > rules.max) return OutOfRange(node);
  value = *size;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<CloseCode>&, CloseCode& value) {
  uint64_t code = 0;
  if (auto what = ParseWhole(node, 0, 4999, code)) return what;
  if (code != 1001 && (code < 1011 || code > 1014) && code < 3000) return OutOfRange(node);
  value.code = static_cast<uint16_t>(code);
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<LostCode>&, LostCode& value) {
  CloseCode code{0};
  auto what = IsZero(node) ? std::nullopt : ParseLeaf(node, Rules<CloseCode>{}, code);
  if (!what) value.code = code.code;
  return what;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<Rate>& rules, Rate& value) {
  HAWSER_DCHECK(node.scalar());
  const std::optional<Rate> rate = IsZero(node) ? Rate{0} : ParseRate(node.text);
  if (!rate && IsNumber(node)) return Quote(node.text) + " has no unit of time";
  if (!rate) return NotA(node, "rate");
  if (rate->per_second > rules.max_per_second) return OutOfRange(node);
  value = *rate;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<ByteRate>& rules, ByteRate& value) {
  HAWSER_DCHECK(node.scalar());
  const std::optional<ByteRate> rate = IsZero(node) ? ByteRate{0} : ParseByteRate(node.text);
  if (!rate && SizeIn(node)) return Quote(node.text) + " has no unit of time";
  if (!rate) return NotA(node, "rate of bytes");
  if (rate->per_second > rules.max_per_second) return OutOfRange(node);
  value = *rate;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<Secret>& rules, Secret& value) {
  HAWSER_DCHECK(node.scalar());
  if (NeedsQuotes(node)) return std::string(WithoutQuotes(node));
  if (node.text.size() < rules.min_bytes) return fmt::format("has {} bytes", node.text.size());
  value.value = node.text;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<std::string>& rules, std::string& value) {
  HAWSER_DCHECK(node.scalar());
  if (auto misfit = Misfit(rules.form, node.text)) return misfit;
  if (NeedsQuotes(node)) return fmt::format("{} {}", node.text, WithoutQuotes(node));
  if (node.text.size() > rules.max_bytes) return fmt::format("has {} bytes", node.text.size());
  value = node.text;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::SocketAddress>&,
                                     net::SocketAddress& value) {
  HAWSER_DCHECK(node.scalar());
  auto address = net::SocketAddress::Parse(node.text);
  if (!address.ok()) {
    auto hint = AddressHint(node.text);
    return hint ? std::move(hint->what) : AddressFault(node, address.status());
  }
  value = *std::move(address);
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<BackendAddress>&, BackendAddress& value) {
  HAWSER_DCHECK(node.scalar());
  auto address = BackendAddress::Parse(node.text);
  if (!address.ok()) {
    auto hint = BackendHint(node.text);
    return hint ? std::move(hint->what) : AddressFault(node, address.status());
  }
  value = *std::move(address);
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<DnsServer>&, DnsServer& value) {
  constexpr uint16_t kDnsPort = 53;
  HAWSER_DCHECK(node.scalar());
  if (const auto ip = net::IpAddress::Parse(node.text); ip.ok()) {
    value.address = {*ip, kDnsPort};
    return std::nullopt;
  }
  auto address = net::SocketAddress::Parse(node.text);
  if (!address.ok() || address->unix_socket()) return NotA(node, "DNS server");
  value.address = *std::move(address);
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::IpAddress>&, net::IpAddress& value) {
  HAWSER_DCHECK(node.scalar());
  const auto address = net::IpAddress::Parse(node.text);
  if (!address.ok()) return NotA(node, "valid IP address");
  value = *address;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::PeerBlock>&, net::PeerBlock& value) {
  HAWSER_DCHECK(node.scalar());
  auto block = net::PeerBlock::Parse(node.text);
  if (!block.ok()) {
    auto hint = PeersHint(node.text);
    return hint ? std::move(hint->what) : AddressFault(node, block.status());
  }
  value = *std::move(block);
  return std::nullopt;
}

std::string ExpectedFor(const Node& node, const WordRules& rules) {
  if (!node.scalar()) return ExpectedText(rules);
  const bool known = std::ranges::any_of(rules.words, [&](const auto& one) { return one.word == node.text; });
  return known ? "write it without quotes" : Suggest(node.text, rules.Texts());
}

std::string ExpectedFor(const Node& node, const Rules<Secret>& rules) {
  return node.scalar() && NeedsQuotes(node) ? "put it in quotes" : ExpectedText(rules);
}

std::string ExpectedFor(const Node& node, const Rules<std::string>& rules) {
  if (!node.scalar()) return ExpectedText(rules);
  if (!Misfit(rules.form, node.text) && NeedsQuotes(node))
    return fmt::format("put it in quotes: \"{}\"", node.text);
  auto hint = rules.form == Form::kOrigin ? OriginHint(node.text) : std::nullopt;
  return hint ? *std::move(hint) : ExpectedText(rules);
}

std::string ExpectedFor(const Node& node, const Rules<net::SocketAddress>& rules) {
  if (node.kind == Node::Kind::kList) return std::string(kListedAddress);
  auto hint = node.scalar() ? AddressHint(node.text) : std::nullopt;
  return hint ? std::move(hint->expected) : ExpectedText(rules);
}

std::string ExpectedFor(const Node& node, const Rules<BackendAddress>& rules) {
  if (node.kind == Node::Kind::kList) return std::string(kListedAddress);
  auto hint = node.scalar() ? BackendHint(node.text) : std::nullopt;
  return hint ? std::move(hint->expected) : ExpectedText(rules);
}

std::string ExpectedFor(const Node& node, const Rules<net::PeerBlock>& rules) {
  auto hint = node.scalar() ? PeersHint(node.text) : std::nullopt;
  return hint ? std::move(hint->expected) : ExpectedText(rules);
}

}  // namespace hawser::config
