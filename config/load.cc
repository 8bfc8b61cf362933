#include "config/load.h"

#include <filesystem>
#include <utility>

#include "config/defaults.h"
#include "config/describe.h"
#include "config/keys_file.h"
#include "config/node.h"
#include "config/reader.h"

namespace hawser::config {

Loaded Load(const std::string& path, const LoadOptions& options) {
  const bool from_stdin = path == "-";
  const std::string name = from_stdin ? "stdin" : path;
  auto text = from_stdin ? ReadStdin(TreeBounds().bytes) : ReadFile(path, TreeBounds().bytes);
  if (text.ok()) return LoadText(*text, name, options);
  Loaded loaded;
  loaded.file = name;
  loaded.errors.push_back({name,
                           {},
                           {},
                           std::string(text.status().message().data(), text.status().message().size()),
                           "expected a file to read"});
  return loaded;
}

Loaded LoadText(std::string_view text, const std::string& file, const LoadOptions& options) {
  Loaded loaded;
  loaded.file = file;
  Diagnostics errors(file);
  Diagnostics warnings(file);
  auto config = std::make_unique<Config>();
  if (const std::unique_ptr<Document> document = ParseYaml(text, errors)) {
    LoadState state{errors, loaded.sources, std::filesystem::path(file).parent_path()};
    ReadValue(state, Cursor{*document->root, {}}, ValueOf<Config>::Make({}), config.get());
    NameRoutes(*config);
    NameCookies(*config);
    const Checks checks{loaded.sources, errors, warnings, options.check_files};
    Validate(*config, checks);
    if (options.further) options.further(*config, checks);
  }
  if (errors.empty()) {
    FillDefaults(*config, loaded.sources);
    loaded.config = std::move(config);
  }
  loaded.errors = errors.Take();
  loaded.warnings = warnings.Take();
  return loaded;
}

}  // namespace hawser::config
