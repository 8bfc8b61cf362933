// The access log: one line for every request and every tunnel, written when it ends. Lines are JSON, or a format of the
// operator's own ("%client% %method% %path% %status%"). Workers format and hand over; one thread of the log writes.
// The queue between them is bounded: when the disk cannot keep up, the oldest lines go, and are counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/session/record.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace hawser::session {

struct LogEntry {
  const RequestRecord& record;
  const Traffic& traffic;
  const Outcome& outcome;
  double duration_ms;
};

// A compiled `access_log.format`.
class LogFormat {
 public:
  // "json" or text with %field% operators ("%%" is a percent sign). InvalidArgument names an unknown field.
  static absl::StatusOr<LogFormat> Parse(std::string_view format);
  std::string Render(const LogEntry& entry) const;

 private:
  struct Piece {
    std::string literal;  // written first
    int field = -1;       // an index into the table of fields; -1: none
  };
  std::vector<Piece> pieces_;  // empty: JSON
};

// Shared by all workers: one of the queues of the log library, which locks for itself.
class AccessLog {
 public:
  // Opens (creates, appends to) config.path; "-" is stdout.
  static absl::StatusOr<std::unique_ptr<AccessLog>> Open(const config::AccessLog& config);
  ~AccessLog();  // writes what is queued

  void Write(const LogEntry& entry);
  uint64_t dropped() const;

 private:
  AccessLog(LogFormat format, std::shared_ptr<spdlog::details::thread_pool> pool,
            std::shared_ptr<spdlog::logger> logger);

  const LogFormat format_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace hawser::session
