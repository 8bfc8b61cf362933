#include "proxy/session/access_log.h"

#include <cerrno>
#include <chrono>
#include <system_error>

#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

// How long the first line waits for others. Waking a thread and writing cost more than making a line.
constexpr std::chrono::milliseconds kGathering{20};

// Reports a change of the log's file in the process log.
void TellChange(const std::string& path, net::LineWriter::Change change) {
  const std::string_view name = path == "-" ? "stdout" : std::string_view(path);
  if (change.error == 0) {
    spdlog::warn("access log: {} is written again; {} lines were lost", name, change.lost);
  } else if (change.error == EAGAIN) {
    spdlog::error("access log: {} does not take lines fast enough: lines are lost", name);
  } else {
    spdlog::error("access log: cannot write to {}: {}; lines are lost", name,
                  std::generic_category().message(change.error));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::Open(const config::AccessLog& config) {
  HAWSER_ASSIGN_OR_RETURN(LogFormat format, LogFormat::Parse(config.format));
  HAWSER_ASSIGN_OR_RETURN(net::Socket file, net::OpenForLines(config.path));
  HAWSER_ASSIGN_OR_RETURN(
      auto lines,
      net::LineWriter::Start(
          std::move(file), {.thread = "access-log", .most_lines = config.queue, .gathering = kGathering},
          [path = config.path](net::LineWriter::Change change) { TellChange(path, change); }));
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(format), std::move(lines)));
}

void AccessLog::Write(const LogEntry& entry) {
  HAWSER_DCHECK(entry.record.listener);
  thread_local std::string line;  // its memory is reused for all lines of a worker
  line.clear();
  format_.Render(entry, line);
  line += '\n';
  lines_->Write(line);
}

}  // namespace hawser::session
