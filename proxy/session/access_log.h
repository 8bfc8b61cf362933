// The access log: one line for every request and every tunnel, written when it ends. Workers format lines
// (log_format) and hand them over; one thread of the log writes them in batches (net/line_writer.h). When the
// disk cannot keep up, or is full, lines are dropped and counted, and the process log says so.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/net/line_writer.h"
#include "proxy/session/log_format.h"

namespace hawser::session {

// Shared by all workers.
class AccessLog {
 public:
  // Opens (creates, appends to) config.path; "-" is stdout.
  static absl::StatusOr<std::unique_ptr<AccessLog>> Open(const config::AccessLog& config);

  void Write(const LogEntry& entry);
  uint64_t dropped() const { return lines_->dropped(); }

 private:
  AccessLog(LogFormat format, std::unique_ptr<net::LineWriter> lines)
      : format_(std::move(format)), lines_(std::move(lines)) {}

  const LogFormat format_;
  const std::unique_ptr<net::LineWriter> lines_;
};

}  // namespace hawser::session
