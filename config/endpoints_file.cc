#include "config/endpoints_file.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "config/checks.h"
#include "config/describe.h"
#include "config/keys_file.h"
#include "config/node.h"
#include "config/reader.h"
#include "config/source_map.h"

namespace hawser::config {

EndpointsFile LoadEndpoints(const std::string& path) {
  const auto text = ReadFile(path, TreeBounds().bytes);
  if (text.ok()) return ParseEndpoints(*text, path);
  const std::string_view what(text.status().message().data(), text.status().message().size());
  return {{}, {{path, {}, {}, std::string(what), "expected a file to read"}}};
}

EndpointsFile ParseEndpoints(std::string_view text, const std::string& path) {
  EndpointsFile file;
  Diagnostics errors(path);
  Diagnostics warnings(path);
  SourceMap sources;
  if (const std::unique_ptr<Document> document = ParseYaml(text, errors, {}, "a list of endpoints")) {
    LoadState state{errors, sources, std::filesystem::path(path).parent_path()};
    const ValueSpec list = ValueOf<std::vector<Endpoint>>::Make({});
    ReadValue(state, Cursor{*document->root, {}}, list, &file.endpoints);
    CheckEndpoints(file.endpoints, {sources, errors, warnings});
  }
  if (!errors.empty()) file.endpoints.clear();
  file.errors = errors.Take();
  return file;
}

}  // namespace hawser::config
