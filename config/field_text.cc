#include "config/field_text.h"

#include <limits>
#include <string_view>

namespace hawser::config {
namespace {

std::string Sentence(std::string_view type, const std::string& bounds) {
  return fmt::format("expected {}{}{}", type, bounds.empty() ? "" : ", ", bounds);
}

}  // namespace

std::string RangeText(uint64_t min, uint64_t max, uint64_t most) {
  if (max < most) return fmt::format("{} to {}", min, max);
  return min > 0 ? fmt::format("at least {}", min) : "0 or more";
}

std::string BoundsText(const WordRules& rules) {
  return fmt::format("`{}`", fmt::join(rules.Texts(), "`, `"));
}

std::string BoundsText(const Rules<double>& rules) {
  return fmt::format("{} to {}", rules.min, rules.max);
}

std::string BoundsText(const Rules<Duration>& rules) {
  return fmt::format("{} to {}", FormatDuration(rules.min), FormatDuration(rules.max));
}

std::string BoundsText(const Rules<ByteSize>& rules) {
  const std::string min = FormatSize({rules.min});
  if (rules.max < kLargestPayload) return fmt::format("{} to {}", min, FormatSize({rules.max}));
  return rules.min > 0 ? "at least " + min : "0 or more";
}

std::string BoundsText(const Rules<Rate>& rules) {
  return fmt::format("at most {}", FormatRate({rules.max_per_second}));
}

std::string BoundsText(const Rules<ByteRate>& rules) {
  return fmt::format("at most {}", FormatByteRate({rules.max_per_second}));
}

std::string BoundsText(const Rules<Secret>& rules) {
  return fmt::format("at least {} bytes", rules.min_bytes);
}

std::string BoundsText(const Rules<std::string>& rules) {
  if (rules.max_bytes == std::numeric_limits<size_t>::max()) return {};
  return fmt::format("at most {} bytes", rules.max_bytes);
}

std::string ExpectedText(const WordRules& rules) {
  return fmt::format("expected {}", fmt::join(rules.Texts(), ", "));
}

std::string ExpectedText(const Rules<bool>& rules) {
  return rules.only_true ? "expected true" : "expected true or false";
}

std::string ExpectedText(const Rules<double>& rules) {
  return Sentence("a number", BoundsText(rules));
}

std::string ExpectedText(const Rules<Duration>& rules) {
  return Sentence("a duration such as 500ms, 30s or 1h30m", BoundsText(rules));
}

std::string ExpectedText(const Rules<ByteSize>& rules) {
  const bool bounded = rules.min > 0 || rules.max < kLargestPayload;
  return Sentence("a size such as 512, 64KiB or 1MB", bounded ? BoundsText(rules) : "");
}

std::string ExpectedText(const Rules<Rate>& rules) {
  return Sentence("a rate such as 20/s, 100/m or 5/h", BoundsText(rules));
}

std::string ExpectedText(const Rules<ByteRate>& rules) {
  return Sentence("a rate of bytes such as 64KiB/s, 1MB/s or 10MB/m", BoundsText(rules));
}

std::string ExpectedText(const Rules<Secret>& rules) {
  return Sentence("a secret", BoundsText(rules));
}

std::string ExpectedText(const Rules<net::SocketAddress>&) {
  return "expected IP:PORT, [IPv6]:PORT or unix:PATH (host names are not supported)";
}

std::string ExpectedText(const Rules<BackendAddress>&) {
  return "expected IP:PORT, [IPv6]:PORT, HOST:PORT or unix:PATH";
}

std::string ExpectedText(const Rules<DnsServer>&) {
  return "expected an IP address, with or without a port";
}

std::string ExpectedText(const Rules<net::IpAddress>&) {
  return "expected an IP address without a port";
}

std::string ExpectedText(const Rules<net::PeerBlock>&) {
  return "expected a block of addresses such as 10.0.0.0/8 or 2001:db8::/32, one address, or unix";
}

std::string ExpectedText(const Rules<std::string>& rules) {
  return Sentence(ExpectedOf(rules.form), BoundsText(rules));
}

}  // namespace hawser::config
