#include "config/spec.h"

#include <algorithm>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {

const FieldSpec& MapSpec::Find(std::string_view key) const {
  const auto found =
      std::ranges::find_if(fields, [key](const FieldSpec& field) { return field.key.name == key; });
  HAWSER_DCHECK(found != fields.end());
  return *found;
}

std::vector<std::string_view> MapSpec::Keys() const {
  std::vector<std::string_view> keys;
  for (const FieldSpec& field : fields) keys.push_back(field.key.name);
  return keys;
}

std::string ExpectedText(const ValueSpec& spec) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf: return spec.leaf->expected(spec.rules.get());
    case ValueSpec::Kind::kMap: return "expected a map";
    case ValueSpec::Kind::kList: return "expected a list";
    case ValueSpec::Kind::kOptional: break;
  }
  return ExpectedText(*spec.inner);
}

std::string HelpText(const Key& key) {
  return fmt::format("{}{}", key.help,
                     key.change == Change::kByRestart ? " A change waits for a restart." : "");
}

}  // namespace hawser::config
