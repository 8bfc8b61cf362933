// What a line of the access log says of a request or a tunnel: one table of fields, as JSON or in a format of
// the operator's own ("%client% %method% %path% %status%").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/clock.h"
#include "proxy/base/tunnel_id.h"
#include "proxy/session/record.h"

namespace hawser::session {

struct LogEntry {
  const RequestRecord& record;
  const Traffic& traffic;
  const Outcome& outcome;
  base::TunnelId tunnel = {};  // none where none was opened
  base::TimePoint ended;
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

}  // namespace hawser::session
