// YAML to Config: either a configuration that passes every check possible before it runs, or all errors of
// the file at once, each with its place. Start-up and reload only; one thread.
//
//   config::Loaded loaded = config::Load("hawser.yaml");
//   for (const auto& error : loaded.errors) fmt::print(stderr, "{}\n", config::Render(error));
//   if (!loaded.ok()) return 1;
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/schema.h"
#include "config/source_map.h"
#include "config/validate.h"

namespace hawser::config {

struct LoadOptions {
  bool check_files = true;  // open certificates, private keys and key files
  // Checks of higher layers, whose errors are listed with the others. Runs last, on a config of which any
  // part may be wrong or missing (see Checks::Given). May be empty.
  std::function<void(const Config&, const Checks&)> further = {};
};

struct Loaded {
  std::unique_ptr<Config> config;  // null if there is any error
  std::vector<Diagnostic> errors;  // in the order of the file, as warnings are
  std::vector<Diagnostic> warnings;
  std::string file;
  SourceMap sources;  // of the fields of *config

  bool ok() const { return config != nullptr; }

  // An error found later, such as a port in use: at the place of `field`, which is part of *config.
  template <class T>
  Diagnostic At(const T& field, std::string what, std::string expected = {}) const {
    const Place* place = sources.Find(field);
    return {file, place == nullptr ? Mark{} : place->mark, place == nullptr ? std::string() : place->path,
            std::move(what), std::move(expected)};
  }
  // Line 0 if the file does not give the field.
  template <class T>
  Mark MarkOf(const T* field) const {
    return sources.MarkOf(field);
  }
};

// In what comes back, file names are resolved against the folder of `path`, defaults that depend on other
// fields are filled in (defaults.h), and the keys of a keys_file are read into `keys`. "-" reads stdin to its
// end, and file names are relative to the working directory.
Loaded Load(const std::string& path, const LoadOptions& options = {});

// The same for text that was read already; `file` stands in diagnostics, and its folder is the one of
// relative files.
Loaded LoadText(std::string_view text, const std::string& file, const LoadOptions& options = {});

}  // namespace hawser::config
