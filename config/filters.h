// What runs on every request of a route before a backend is picked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/section.h"

namespace hawser::config {

struct OriginFilter {
  std::vector<std::string> allow;  // "https://app.example.com", "https://*.example.com", "same-host"
  bool allow_missing = true;       // clients that are not browsers send no Origin
  bool operator==(const OriginFilter&) const = default;
};

// One entry of a route's `filters` list: exactly one member is given.
struct FilterConfig {
  std::optional<OriginFilter> origin;
  bool operator==(const FilterConfig&) const = default;
};

void Describe(Description& d, const OriginFilter& origin);
void Describe(Description& d, const FilterConfig& filter);

void CheckFilters(const std::vector<FilterConfig>& filters, const Checks& checks);

}  // namespace hawser::config
