#include "config/core_schema.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include <re2/re2.h>

#include "absl/strings/numbers.h"

namespace hawser::config {
namespace {

bool Matches(const RE2& pattern, std::string_view text) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

double SignOf(std::string_view text) {
  return text.starts_with('-') ? -1 : 1;
}

std::string_view WithoutSign(std::string_view text) {
  return text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
}

// `digits` of this base, and nothing else.
CoreNumber WholeNumber(std::string_view digits, int base, double sign) {
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc()) return {.value = sign * std::numeric_limits<double>::infinity(), .whole = {}};
  CoreNumber number{.value = sign * static_cast<double>(magnitude), .whole = {}};
  if (sign > 0 || magnitude == 0) number.whole = magnitude;
  return number;
}

CoreNumber FloatingNumber(std::string_view text) {
  CoreNumber number;
  (void)absl::SimpleAtod({text.data(), text.size()}, &number.value);  // overflow is infinite, underflow 0
  constexpr double kTooLarge = 18446744073709551616.0;                // 2^64
  const bool whole =
      number.value == std::trunc(number.value) && number.value >= 0 && number.value < kTooLarge;
  if (whole) number.whole = static_cast<uint64_t>(number.value);
  return number;
}

}  // namespace

std::optional<bool> CoreTruth(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

std::optional<CoreNumber> ParseCoreNumber(std::string_view text) {
  static const RE2 decimal("[-+]?[0-9]+");
  static const RE2 octal("0o[0-7]+");
  static const RE2 hexadecimal("0x[0-9a-fA-F]+");
  static const RE2 floating(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  static const RE2 infinite(R"([-+]?\.(inf|Inf|INF))");
  static const RE2 not_a_number(R"(\.(nan|NaN|NAN))");
  if (Matches(decimal, text)) return WholeNumber(WithoutSign(text), 10, SignOf(text));
  if (Matches(octal, text)) return WholeNumber(text.substr(2), 8, 1);
  if (Matches(hexadecimal, text)) return WholeNumber(text.substr(2), 16, 1);
  if (Matches(floating, text)) return FloatingNumber(text);
  if (Matches(infinite, text)) {
    return CoreNumber{.value = SignOf(text) * std::numeric_limits<double>::infinity(), .whole = {}};
  }
  if (Matches(not_a_number, text)) {
    return CoreNumber{.value = std::numeric_limits<double>::quiet_NaN(), .whole = {}};
  }
  return std::nullopt;
}

bool IsCoreText(std::string_view text) {
  return !CoreTruth(text) && !ParseCoreNumber(text);
}

}  // namespace hawser::config
