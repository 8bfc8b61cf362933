// When endpoints that fail under real traffic are ejected, and for how long.
#pragma once

#include <cstdint>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct OutlierDetection {
  uint32_t consecutive_failures = 3;
  Duration base_ejection_time = 5s;  // of the first ejection; each further one in a row doubles it
  Duration max_ejection_time = 60s;
  uint32_t max_ejection_percent = 50;  // rounded down, but one of two may be ejected; 0: none ever is
  bool operator==(const OutlierDetection&) const = default;
};

void Describe(Description& d, const OutlierDetection& detection);

void CheckOutlierDetection(const OutlierDetection& detection, const Checks& checks);

}  // namespace hawser::config
