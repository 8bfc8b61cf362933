// The list of all filters.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "filters/filter.h"

namespace hawser::filters {

// The filter that the one given member of `settings` asks for.
absl::StatusOr<std::unique_ptr<const Filter>> MakeFilter(const config::FilterConfig& settings);

}  // namespace hawser::filters
