#include "config/describe.h"

#include "proxy/base/check.h"

namespace hawser::config {

void Description::Add(const Key& key, const void* field, ValueSpec value) {
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(field) -
                                          static_cast<const std::byte*>(spec_.defaults.get()));
  HAWSER_DCHECK(offset + value.bytes <= bytes_);
  spec_.fields.push_back({key, offset, std::move(value)});
}

}  // namespace hawser::config
