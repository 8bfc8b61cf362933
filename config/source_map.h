// Where each field of a loaded Config stands in its file, by the field's own address: valid while the Config
// lives and is not moved. It has only fields that the file gives and that were read without error.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "config/diagnostic.h"

namespace hawser::config {

struct Place {
  Mark mark;
  std::string path;
};

class SourceMap {
 public:
  void Record(const void* field, size_t bytes, Place place) { places_[{field, bytes}] = std::move(place); }

  // Null if the file does not give the field.
  template <class T>
  const Place* Find(const T& field) const {
    const auto found = places_.find({&field, sizeof(T)});
    return found == places_.end() ? nullptr : &found->second;
  }

  // Line 0 if the file does not give the field.
  template <class T>
  Mark MarkOf(const T* field) const {
    const Place* place = Find(*field);
    return place == nullptr ? Mark{} : place->mark;
  }

 private:
  // The size distinguishes a struct from its first member, which has the same address.
  absl::flat_hash_map<std::pair<const void*, size_t>, Place> places_;
};

}  // namespace hawser::config
