// The access log: one line for every request and every tunnel, written when it ends. Lines are JSON, or a
// format of the operator's own ("%client% %method% %path% %status%"). Workers format lines and hand them
// over; one thread of the log writes them in batches (net/line_writer.h). When the disk cannot keep up, or is
// full, lines are dropped and counted, and the process log says so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/base/tunnel_id.h"
#include "proxy/net/line_writer.h"
#include "proxy/session/record.h"

namespace hawser::session {

struct LogEntry {
  const RequestRecord& record;
  const Traffic& traffic;
  const Outcome& outcome;
  base::TunnelId tunnel = {};  // none where none was opened
  double duration_ms;
};

// One field of a line, as docs/access-log.md describes it.
struct LogFieldSpec {
  std::string_view name;
  std::string_view type;     // in JSON: "string", "integer", "number" or "boolean"
  std::string_view unit;     // "" where there is none
  std::string_view meaning;  // one sentence or two
  std::string_view absent;   // when there is nothing to say, and what stands there; "": never
};

// In the order of a line.
std::vector<LogFieldSpec> LogFields();

// A compiled `access_log.format`.
class LogFormat {
 public:
  // "json" or text with %field% operators ("%%" is a percent sign). InvalidArgument names an unknown field.
  static absl::StatusOr<LogFormat> Parse(std::string_view format);
  void Render(const LogEntry& entry, std::string& line) const;  // appends it, without its end

 private:
  struct Piece {
    std::string literal;  // written first
    int field = -1;       // an index into the table of fields; -1: none
  };
  std::vector<Piece> pieces_;  // empty: JSON
};

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
