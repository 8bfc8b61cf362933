#include "filters/table.h"

#include "filters/origin.h"

namespace hawser::filters {
namespace {

using Made = absl::StatusOr<std::unique_ptr<const Filter>>;

// Makes a `Kind` of the member if it is given, and nothing if it is not.
template <typename Kind, auto kMember>
Made Make(const config::FilterConfig& settings) {
  const auto& member = settings.*kMember;
  if (!member) return nullptr;
  return Kind::Create(*member);
}

constexpr Made (*kFilters[])(const config::FilterConfig&) = {
    Make<Origin, &config::FilterConfig::origin>,
};

}  // namespace

Made MakeFilter(const config::FilterConfig& settings) {
  for (const auto make : kFilters) {
    Made made = make(settings);
    if (!made.ok() || *made != nullptr) return made;
  }
  return absl::InvalidArgumentError("an entry of filters names no filter");
}

}  // namespace hawser::filters
