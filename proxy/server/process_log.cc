#include "proxy/server/process_log.h"

#include <cerrno>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "proxy/base/status_macros.h"
#include "spdlog/sinks/base_sink.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(net::LineWriter& lines) : lines_(lines) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    lines_.Write({line.data(), line.size()});
  }
  void flush_() override {}

  net::LineWriter& lines_;
};

// A loss can only be reported on the log that loses lines: when lines are written again.
void TellLoss(net::LineWriter::Change change) {
  if (change.error == 0) spdlog::warn("{} lines of this log were lost", change.lost);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessLog>> ProcessLog::Start(const std::string& level) {
  net::Socket file(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!file.open()) return absl::ErrnoToStatus(errno, "cannot write to stderr");
  HAWSER_ASSIGN_OR_RETURN(auto lines, net::LineWriter::Start(std::move(file), {.thread = "log"}, TellLoss));
  auto logger = std::make_shared<spdlog::logger>("hawser", std::make_shared<Sink>(*lines));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
  return std::unique_ptr<ProcessLog>(new ProcessLog(std::move(lines)));
}

ProcessLog::~ProcessLog() {
  lines_.reset();  // first: its thread may log
  spdlog::shutdown();
}

}  // namespace hawser::server
