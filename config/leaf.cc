#include "config/leaf.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include "absl/status/statusor.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsQuoted(const Node& node) {
  return node.kind == Node::Kind::kQuoted;
}

std::string InQuotes(const Node& node) {
  return Quote(node.text) + " stands in quotes";
}

std::string OutOfRange(const Node& node) {
  return Quote(node.text) + " is out of range";
}

std::string NotA(const Node& node, std::string_view type) {
  return fmt::format("{} is not a {}", Quote(node.text), type);
}

bool ParseDouble(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// What YAML's core schema reads as something else than text, unless it is quoted: a number or true or false.
bool LooksLikeOther(std::string_view text) {
  constexpr std::string_view kWords[] = {"true", "True", "TRUE", "false", "False", "FALSE",
                                         ".inf", ".Inf", ".INF", ".nan",  ".NaN",  ".NAN"};
  if (std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords)) return true;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    return text.size() > 2 && text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  return text.find_first_not_of("0123456789.eE+-") == std::string_view::npos && ParseDouble(text, number);
}

// The parser of addresses names the part that is wrong.
std::string AddressFault(const Node& node, const absl::Status& status) {
  constexpr size_t kLongest = 128;
  if (node.text.size() > kLongest) return NotA(node, "valid address");
  if (node.text.find_first_of(":/") == std::string::npos) return NotA(node, "valid address");
  return std::string(status.message().data(), status.message().size());
}

bool NeedsQuotes(const Node& node) {
  return node.kind == Node::Kind::kPlain && LooksLikeOther(node.text);
}

}  // namespace

std::optional<std::string> NotAValue(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "has no value";
    case Node::Kind::kList: return "a list stands here";
    case Node::Kind::kMap: return "a map stands here";
    case Node::Kind::kPlain:
    case Node::Kind::kQuoted: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> ParseWhole(const Node& node, uint64_t min, uint64_t max, uint64_t& value) {
  std::string_view digits = node.text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (!AllDigits(digits)) return NotA(node, "whole number");
  if (IsQuoted(node)) return InQuotes(node);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || (negative && value > 0) || value < min || value > max) return OutOfRange(node);
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<bool>&, bool& value) {
  if (node.text != "true" && node.text != "false") return NotA(node, "truth value");
  if (IsQuoted(node)) return InQuotes(node);
  value = node.text == "true";
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<double>& rules, double& value) {
  double number = 0;
  if (!LooksLikeOther(node.text) || !ParseDouble(node.text, number)) return NotA(node, "number");
  if (IsQuoted(node)) return InQuotes(node);
  if (!(number >= rules.min && number <= rules.max)) return OutOfRange(node);
  value = number;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<Duration>& rules, Duration& value) {
  const std::optional<Duration> duration = ParseDuration(node.text);
  if (!duration && AllDigits(node.text)) {
    return Quote(node.text) + " has no unit";
  }
  if (!duration) return NotA(node, "duration");
  if (*duration < rules.min || *duration > rules.max) return OutOfRange(node);
  value = *duration;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<ByteSize>& rules, ByteSize& value) {
  const std::optional<ByteSize> size = ParseSize(node.text);
  if (!size) return NotA(node, "size");
  if (size->bytes < rules.min || size->bytes > rules.max) return OutOfRange(node);
  value = *size;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<Rate>& rules, Rate& value) {
  const std::optional<Rate> rate = ParseRate(node.text);
  if (!rate && AllDigits(node.text)) return Quote(node.text) + " does not say per what";
  if (!rate) return NotA(node, "rate");
  if (rate->per_second > rules.max_per_second) return OutOfRange(node);
  value = *rate;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<ByteRate>& rules, ByteRate& value) {
  const std::optional<ByteRate> rate = ParseByteRate(node.text);
  if (!rate && ParseSize(node.text)) return Quote(node.text) + " does not say per what";
  if (!rate) return NotA(node, "rate of bytes");
  if (rate->per_second > rules.max_per_second) return OutOfRange(node);
  value = *rate;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<Secret>& rules, Secret& value) {
  if (NeedsQuotes(node)) return "reads as a number: put it in quotes";
  if (node.text.size() < rules.min_bytes) return fmt::format("holds {} bytes", node.text.size());
  value.value = node.text;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<std::string>& rules, std::string& value) {
  if (NeedsQuotes(node)) return node.text + " is not text unless it stands in quotes";
  if (auto misfit = Misfit(rules.form, node.text)) return misfit;
  if (node.text.size() > rules.max_bytes) return fmt::format("holds {} bytes", node.text.size());
  value = node.text;
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::SocketAddress>&,
                                     net::SocketAddress& value) {
  auto address = net::SocketAddress::Parse(node.text);
  if (!address.ok()) return AddressFault(node, address.status());
  value = *std::move(address);
  return std::nullopt;
}

std::optional<std::string> ParseLeaf(const Node& node, const Rules<net::IpBlock>&, net::IpBlock& value) {
  auto block = net::IpBlock::Parse(node.text);
  if (!block.ok()) return AddressFault(node, block.status());
  value = *std::move(block);
  return std::nullopt;
}

}  // namespace hawser::config
