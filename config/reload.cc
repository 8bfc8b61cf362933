#include "config/reload.h"

#include <set>

#include "config/describe.h"

namespace hawser::config {
namespace {

bool NamesFile(const ValueSpec& spec) {
  return spec.leaf->is_text && static_cast<const Rules<std::string>*>(spec.rules.get())->form == Form::kFile;
}

void AddFiles(const ValueSpec& spec, const void* value, std::set<std::string>& files) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf:
      if (NamesFile(spec)) files.insert(*static_cast<const std::string*>(value));
      break;
    case ValueSpec::Kind::kOptional:
      if (const void* const inner = spec.optional->get(value)) AddFiles(*spec.inner, inner, files);
      break;
    case ValueSpec::Kind::kList:
      for (size_t i = 0; i < spec.list->count(value); ++i) {
        AddFiles(*spec.inner, spec.list->get(value, i), files);
      }
      break;
    case ValueSpec::Kind::kMap:
      for (const FieldSpec& field : spec.map->fields) AddFiles(field.value, field.In(value), files);
      break;
  }
}

// Only of maps in maps: fields in lists have no path that two configurations share.
void AddWaiting(const MapSpec& spec, const std::string& path, const void* old, const void* fresh,
                std::vector<std::string>& waiting) {
  for (const FieldSpec& field : spec.fields) {
    const std::string own = path + std::string(field.key.name);
    const void* const a = field.In(old);
    const void* const b = field.In(fresh);
    if (field.value.kind == ValueSpec::Kind::kMap) {
      AddWaiting(*field.value.map, own + ".", a, b, waiting);
    } else if (field.key.change == Change::kByRestart && !field.value.leaf->equal(a, b)) {
      waiting.push_back(own);
    }
  }
}

}  // namespace

std::vector<std::string> FilesOf(const Config& config) {
  std::set<std::string> files;
  AddFiles(ValueOf<Config>::Make({}), &config, files);
  return {files.begin(), files.end()};
}

std::vector<std::string> WaitsForRestart(const Config& old, const Config& fresh) {
  std::vector<std::string> waiting;
  AddWaiting(SpecOf<Config>(), "", &old, &fresh, waiting);
  return waiting;
}

}  // namespace hawser::config
