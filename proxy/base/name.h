// Interned texts: the names of listeners, routes and clusters. A Name is a counted handle of one of them. Its
// id stands for the text in tables, records and metrics, also across configurations: as long as anybody holds
// the name, interning the same text gives the same id.
//
//   NameTable listeners;
//   const Name name = listeners.Intern("main");
//   table[name.id()] = ...;   log(name.text());
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::base {

// May be copied, moved and destroyed on any thread, also after its table.
class Name {
 public:
  Name() = default;
  Name(const Name& other) : entry_(other.entry_) {
    if (entry_ != nullptr) entry_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  Name(Name&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  Name& operator=(Name other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~Name() {
    if (entry_ != nullptr && entry_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) Forget(entry_);
  }

  // From 1 on, never used again for another text; 0: no name.
  uint32_t id() const { return entry_ == nullptr ? 0 : entry_->id; }
  // Empty where there is no name. Lives as long as any copy of the name.
  std::string_view text() const { return entry_ == nullptr ? std::string_view() : entry_->text; }
  explicit operator bool() const { return entry_ != nullptr; }

  // Of one table.
  bool operator==(const Name& other) const { return entry_ == other.entry_; }

 private:
  friend class NameTable;
  struct Names;
  struct Entry {
    const std::shared_ptr<Names> names;
    const std::string text;
    const uint32_t id;
    std::atomic<uint32_t> holders{1};
  };

  explicit Name(Entry* entry) : entry_(entry) {}
  static void Forget(Entry* entry);

  Entry* entry_ = nullptr;
};

// Any thread.
class NameTable {
 public:
  NameTable();

  // Not for an empty text.
  Name Intern(std::string_view text);
  // Texts that somebody holds.
  size_t size() const;

 private:
  const std::shared_ptr<Name::Names> names_;
};

}  // namespace hawser::base
