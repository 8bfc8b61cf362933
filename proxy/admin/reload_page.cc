#include "proxy/admin/reload_page.h"

#include <string_view>

#include "proxy/admin/json_fields.h"
#include "proxy/base/check.h"

namespace hawser::admin {
namespace {

using config::Diagnostic;
using server::ReloadResult;
using Kind = ReloadResult::Kind;
using Names = ReloadResult::Names;

struct KindSpec {
  Kind kind;
  std::string_view label;
  int status;
};
constexpr KindSpec kKinds[] = {
    {Kind::kApplied, "applied", 200},
    {Kind::kUnchanged, "unchanged", 200},
    {Kind::kFailed, "failed", 422},
    {Kind::kDraining, "draining", 409},
};

const KindSpec& SpecOf(Kind kind) {
  const KindSpec& spec = kKinds[static_cast<size_t>(kind)];
  HAWSER_DCHECK(spec.kind == kind);
  return spec;
}

constexpr auto kNamesFields = std::to_array<Field<Names>>({
    {"added", "list", "Names of those that came.", [](const Names& names) { return Json(names.added); }},
    {"removed", "list", "Names of those that went.", [](const Names& names) { return Json(names.removed); }},
    {"changed", "list", "Names of those whose settings changed.",
     [](const Names& names) { return Json(names.changed); }},
});

constexpr auto kDiagnosticFields = std::to_array<Field<Diagnostic>>({
    {"file", "string", "Name of the file.", [](const Diagnostic& at) { return Json(at.file); }},
    {"line", "integer", "Line, counted from 1. 0 where no line is meant.",
     [](const Diagnostic& at) { return Json(at.mark.line); }},
    {"column", "integer", "Column, counted from 1. 0 where no line is meant.",
     [](const Diagnostic& at) { return Json(at.mark.column); }},
    {"path", "string", "Field of the configuration. Empty where the whole file is meant.",
     [](const Diagnostic& at) { return Json(at.path); }},
    {"what", "string", "What is wrong.", [](const Diagnostic& at) { return Json(at.what); }},
    {"expected", "string", "What was expected, or what may be meant. May be empty.",
     [](const Diagnostic& at) { return Json(at.expected); }},
});

constexpr auto kReloadFields = std::to_array<Field<ReloadResult>>({
    {"result", "string",
     "`applied`: the new configuration is in force. `unchanged`: the file, and all files that it names, are "
     "as they were. `failed`: there are errors, and the old configuration goes on serving. `draining`: the "
     "process ends, and nothing was read.",
     [](const ReloadResult& result) { return Json(SpecOf(result.kind).label); }},
    {"generation", "integer", "Number of the configuration that is in force now. The first is 1.",
     [](const ReloadResult& result) { return Json(result.generation); }},
    {"listeners", "map", "Listeners that the reload changed.",
     [](const ReloadResult& result) { return ToJson(kNamesFields, result.listeners); }},
    {"routes", "map", "Routes that the reload changed.",
     [](const ReloadResult& result) { return ToJson(kNamesFields, result.routes); }},
    {"clusters", "map", "Clusters that the reload changed.",
     [](const ReloadResult& result) { return ToJson(kNamesFields, result.clusters); }},
    {"certificates", "map",
     "Certificates that the reload changed: the listener's name, a `/`, and the serial number in "
     "hexadecimal.",
     [](const ReloadResult& result) { return ToJson(kNamesFields, result.certificates); }},
    {"waits_for_restart", "list",
     "Fields that differ from what is in force and that only a new process takes.",
     [](const ReloadResult& result) { return Json(result.waits_for_restart); }},
    {"warnings", "list", "As `hawser check` prints them.",
     [](const ReloadResult& result) { return ToJsonList(kDiagnosticFields, result.warnings); }},
    {"errors", "list", "As `hawser check` prints them. Empty unless `result` is `failed`.",
     [](const ReloadResult& result) { return ToJsonList(kDiagnosticFields, result.errors); }},
});

}  // namespace

Page ReloadPage(const ReloadResult& result) {
  return {.status = SpecOf(result.kind).status, .body = TextOf(ToJson(kReloadFields, result))};
}

std::vector<FieldSpec> DocumentReload() {
  std::vector<FieldSpec> fields;
  Document("", kReloadFields, fields);
  for (const char* part : {"listeners.", "routes.", "clusters.", "certificates."}) {
    Document(part, kNamesFields, fields);
  }
  Document("warnings[].", kDiagnosticFields, fields);
  Document("errors[].", kDiagnosticFields, fields);
  return fields;
}

}  // namespace hawser::admin
