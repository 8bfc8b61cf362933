#include "config/units.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr Unit kDurationUnits[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr Unit kSizeUnits[] = {{"GiB", 1 << 30}, {"GB", 1'000'000'000}, {"MiB", 1 << 20}, {"MB", 1'000'000},
                               {"KiB", 1 << 10}, {"KB", 1000},          {"B", 1},         {"", 1}};
constexpr Unit kRateUnits[] = {{"s", 1}, {"m", 60}, {"h", 3600}};

template <size_t kCount>
const Unit* FindUnit(const Unit (&units)[kCount], std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

size_t CountDigits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && IsDigit(text[count])) ++count;
  return count;
}

// Takes the digits at the front of `text`; none if there are none or they overflow.
std::optional<int64_t> TakeNumber(std::string_view& text) {
  const size_t digits = CountDigits(text);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (digits == 0 || error != std::errc()) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

struct WholeRate {
  double number;
  std::string_view per;
};

// The rate per second, minute or hour, whichever is the first that makes it a whole number.
std::optional<WholeRate> AsWhole(double per_second) {
  for (const Unit& unit : kRateUnits) {
    const double number = per_second * static_cast<double>(unit.factor);
    const double rounded = std::round(number);
    if (std::abs(number - rounded) <= 1e-9 * rounded) return WholeRate{rounded, unit.name};
  }
  return std::nullopt;
}

// Digits, and behind a point digits again: what kRatePattern allows in front of the slash.
bool IsDecimal(std::string_view text) {
  const size_t whole = CountDigits(text);
  if (whole == 0 || whole == text.size()) return whole > 0;
  const std::string_view fraction = text.substr(whole + 1);
  return text[whole] == '.' && !fraction.empty() && CountDigits(fraction) == fraction.size();
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  if (text == "0") return Duration(0);
  int64_t total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const std::optional<int64_t> number = TakeNumber(text);
    size_t letters = 0;
    while (letters < text.size() && !IsDigit(text[letters])) ++letters;
    const Unit* unit = FindUnit(kDurationUnits, text.substr(0, letters));
    int64_t part = 0;
    if (!number || unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
    text.remove_prefix(letters);
  }
  return Duration(total);
}

std::string FormatDuration(Duration duration) {
  HAWSER_DCHECK(duration.count() >= 0);
  if (duration.count() == 0) return "0s";
  std::string text;
  int64_t rest = duration.count();
  for (const Unit& unit : kDurationUnits) {
    if (rest >= unit.factor) text += fmt::format("{}{}", rest / unit.factor, unit.name);
    rest %= unit.factor;
  }
  return text;
}

std::optional<ByteSize> ParseSize(std::string_view text) {
  const std::optional<int64_t> number = TakeNumber(text);
  const Unit* unit = FindUnit(kSizeUnits, text);
  int64_t bytes = 0;
  if (!number || unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &bytes))
    return std::nullopt;
  return ByteSize{static_cast<uint64_t>(bytes)};
}

std::string FormatSize(ByteSize size) {
  for (const Unit& unit : kSizeUnits) {
    const auto factor = static_cast<uint64_t>(unit.factor);
    if (factor > 1 && size.bytes > 0 && size.bytes % factor == 0) {
      return fmt::format("{}{}", size.bytes / factor, unit.name);
    }
  }
  return fmt::format("{}", size.bytes);
}

std::optional<Rate> ParseRate(std::string_view text) {
  if (text == "0") return Rate{0};
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || !IsDecimal(text.substr(0, slash))) return std::nullopt;
  const Unit* unit = FindUnit(kRateUnits, text.substr(slash + 1));
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + slash, number, std::chars_format::fixed);
  if (unit == nullptr || error != std::errc()) return std::nullopt;
  return Rate{number / static_cast<double>(unit->factor)};
}

std::string FormatRate(Rate rate) {
  HAWSER_DCHECK(rate.per_second >= 0);
  if (const auto whole = AsWhole(rate.per_second)) return fmt::format("{:.0f}/{}", whole->number, whole->per);
  return fmt::format("{}/s", rate.per_second);
}

std::optional<ByteRate> ParseByteRate(std::string_view text) {
  if (text == "0") return ByteRate{0};
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<ByteSize> size = ParseSize(text.substr(0, slash));
  const Unit* unit = FindUnit(kRateUnits, text.substr(slash + 1));
  if (!size || unit == nullptr) return std::nullopt;
  return ByteRate{static_cast<double>(size->bytes) / static_cast<double>(unit->factor)};
}

std::string FormatByteRate(ByteRate rate) {
  HAWSER_DCHECK(rate.per_second >= 0);
  const auto whole = AsWhole(rate.per_second);
  if (!whole) return fmt::format("{:.0f}/s", rate.per_second);
  return fmt::format("{}/{}", FormatSize({static_cast<uint64_t>(whole->number)}), whole->per);
}

}  // namespace hawser::config
