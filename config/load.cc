#include "config/load.h"

#include <filesystem>
#include <utility>

#include "config/keys_file.h"
#include "config/node.h"
#include "config/reader.h"
#include "fmt/format.h"
#include "proxy/base/hash.h"

namespace hawser::config {
namespace {

void NameRoutes(Config& config) {
  for (size_t i = 0; i < config.routes.size(); ++i) {
    if (config.routes[i].name.empty()) config.routes[i].name = fmt::format("route-{}", i + 1);
  }
}

// By an unkeyed hash: hawsers side by side, and those that come after them, take each other's cookies.
void NameCookies(Config& config) {
  for (Cluster& cluster : config.clusters) {
    if (!cluster.affinity || !cluster.affinity->cookie || !cluster.affinity->cookie->name.empty()) continue;
    const auto hash = static_cast<uint32_t>(base::SipHash({}, cluster.name));
    cluster.affinity->cookie->name = fmt::format("hawser-{:08x}", hash);
  }
}

}  // namespace

Loaded Load(const std::string& path, const LoadOptions& options) {
  auto text = ReadFile(path, TreeBounds().bytes + 1);
  if (text.ok()) return LoadText(*text, path, options);
  Loaded loaded;
  loaded.file = path;
  loaded.errors.push_back({path,
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
    ReadValue(state, Cursor{*document->root, {}}, *config, {});
    NameRoutes(*config);
    NameCookies(*config);
    const Checks checks{loaded.sources, errors, warnings, options.check_files};
    Validate(*config, checks);
    if (options.further) options.further(*config, checks);
  }
  if (errors.empty()) loaded.config = std::move(config);
  loaded.errors = errors.Take();
  loaded.warnings = warnings.Take();
  return loaded;
}

}  // namespace hawser::config
