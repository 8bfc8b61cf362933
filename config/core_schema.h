// How YAML 1.2 reads a plain scalar: its core schema (YAML 1.2.2 §10.3.2), which editors with the JSON Schema
// go by too. A scalar in quotes is always text. The parser recognizes null (node_builder).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::config {

// true, True, TRUE, false, False or FALSE.
std::optional<bool> CoreTruth(std::string_view text);

struct CoreNumber {
  double value = 0;               // infinite where a double has no room for it
  std::optional<uint64_t> whole;  // exact; none below 0, with a fraction, or above 64 bits
};

// -7, +7, 0o17, 0x1f, 1.5, .5, 1e3, .inf, .nan.
std::optional<CoreNumber> ParseCoreNumber(std::string_view text);

// Whether `text` is no number and no truth value.
bool IsCoreText(std::string_view text);

}  // namespace hawser::config
