// What a check needs: the errors and warnings so far, and what the file gives.
#pragma once

#include <string>
#include <utility>

#include "config/diagnostic.h"
#include "config/source_map.h"

namespace hawser::config {

struct Checks {
  const SourceMap& sources;
  Diagnostics& errors;
  Diagnostics& warnings;
  bool files = true;  // open the files that the configuration names

  // Whether the file gives the field, and rightly: a field that it does not give has its own error, if any.
  template <class T>
  bool Given(const T& field) const {
    return sources.Find(field) != nullptr;
  }

  // Whether the file gives the field, and there is no error in it so far. What does not parse keeps its
  // default, from which no check may conclude anything.
  template <class T>
  bool Sound(const T& field) const {
    const Place* place = sources.Find(field);
    return place != nullptr && !errors.Concern(place->path);
  }

  template <class T>
  void Error(const T& field, std::string what, std::string expected = {}) const {
    AddTo(errors, sources.Find(field), std::move(what), std::move(expected));
  }
  template <class T>
  void Warn(const T& field, std::string what, std::string expected = {}) const {
    AddTo(warnings, sources.Find(field), std::move(what), std::move(expected));
  }

 private:
  static void AddTo(Diagnostics& diagnostics, const Place* place, std::string what, std::string expected) {
    const Place found = place == nullptr ? Place{} : *place;
    diagnostics.Add(found.mark, found.path, std::move(what), std::move(expected));
  }
};

}  // namespace hawser::config
