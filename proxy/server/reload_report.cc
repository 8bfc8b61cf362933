#include "proxy/server/reload_report.h"

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

std::string CountsOf(const ReloadResult::Names& names) {
  return fmt::format("+{} -{} ~{}", names.added.size(), names.removed.size(), names.changed.size());
}

}  // namespace

std::string SummaryOf(const ReloadResult& result) {
  switch (result.kind) {
    case ReloadResult::Kind::kApplied:
      return fmt::format("reloaded: generation {}: listeners {}, routes {}, clusters {}, certificates {}",
                         result.generation, CountsOf(result.listeners), CountsOf(result.routes),
                         CountsOf(result.clusters), CountsOf(result.certificates));
    case ReloadResult::Kind::kUnchanged:
      return fmt::format("reload: nothing has changed: generation {} goes on", result.generation);
    case ReloadResult::Kind::kFailed:
      return fmt::format("reload failed: generation {} goes on", result.generation);
    case ReloadResult::Kind::kDraining: break;
  }
  return "no reload: the process is about to end";
}

void LogReload(const ReloadResult& result) {
  for (const config::Diagnostic& warning : result.warnings) spdlog::warn("{}", config::Render(warning));
  for (const config::Diagnostic& error : result.errors) spdlog::error("{}", config::Render(error));
  if (!result.waits_for_restart.empty()) {
    spdlog::warn("only a restart applies: {}", fmt::join(result.waits_for_restart, ", "));
  }
  const bool fine =
      result.kind == ReloadResult::Kind::kApplied || result.kind == ReloadResult::Kind::kUnchanged;
  spdlog::log(fine ? spdlog::level::info : spdlog::level::err, "{}", SummaryOf(result));
}

}  // namespace hawser::server
