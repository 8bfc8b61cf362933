#include "proxy/base/name.h"

#include <mutex>

#include "absl/container/flat_hash_map.h"

namespace hawser::base {

struct Name::Names {
  std::mutex mutex;
  absl::flat_hash_map<std::string_view, Entry*> by_text;  // the keys are the entries' own
  uint32_t last_id = 0;
};

// Nobody can find the entry any more, or it has been replaced by a new one of the same text: Intern never
// takes an entry that has lost its last holder.
void Name::Forget(Entry* entry) {
  const std::unique_ptr<Entry> owned(entry);
  const std::lock_guard lock(entry->names->mutex);
  const auto found = entry->names->by_text.find(entry->text);
  if (found != entry->names->by_text.end() && found->second == entry) entry->names->by_text.erase(found);
}

NameTable::NameTable() : names_(std::make_shared<Name::Names>()) {}

Name NameTable::Intern(std::string_view text) {
  HAWSER_DCHECK(!text.empty());
  const std::lock_guard lock(names_->mutex);
  const auto found = names_->by_text.find(text);
  if (found != names_->by_text.end()) {
    std::atomic<uint32_t>& holders = found->second->holders;
    uint32_t now = holders.load(std::memory_order_relaxed);
    while (now > 0) {
      if (holders.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) return Name(found->second);
    }
    names_->by_text.erase(found);
  }
  auto* const entry = new Name::Entry{.names = names_, .text = std::string(text), .id = ++names_->last_id};
  HAWSER_DCHECK(entry->id != 0);
  names_->by_text.emplace(entry->text, entry);
  return Name(entry);
}

size_t NameTable::size() const {
  const std::lock_guard lock(names_->mutex);
  return names_->by_text.size();
}

}  // namespace hawser::base
