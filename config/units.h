// Units as people write them: durations (500ms, 30s, 1h30m, 1d), sizes (512, 64KiB, 1MB) and rates (20/s,
// 100/m, 5/h; of bytes 64KiB/s, 1MB/m). Parse and Format are inverse for every value that a file can give.
// The patterns, for the JSON Schema, accept exactly what Parse accepts, except overflow.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/schema.h"

namespace hawser::config {

inline constexpr std::string_view kDurationPattern = "^(0|([0-9]+(ms|s|m|h|d))+)$";
inline constexpr std::string_view kSizePattern = "^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)?$";
inline constexpr std::string_view kByteRatePattern = "^(0|[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)?/[smh])$";
inline constexpr std::string_view kRatePattern = "^(0|[0-9]+(\\.[0-9]+)?/[smh])$";

// "0" is the one duration that needs no unit.
std::optional<Duration> ParseDuration(std::string_view text);
std::string FormatDuration(Duration duration);

// Without a unit: bytes. KiB, MiB, GiB are powers of 1024; KB, MB, GB powers of 1000.
std::optional<ByteSize> ParseSize(std::string_view text);
std::string FormatSize(ByteSize size);

// "0" is the one rate that needs no unit.
std::optional<Rate> ParseRate(std::string_view text);
std::string FormatRate(Rate rate);

// A size, a slash and a unit of time; "0" likewise.
std::optional<ByteRate> ParseByteRate(std::string_view text);
std::string FormatByteRate(ByteRate rate);

}  // namespace hawser::config
