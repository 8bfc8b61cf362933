// The access log: one line for every request and every tunnel, written when it ends. Lines are JSON, or a format of the
// operator's own ("%client% %method% %path% %status%"). Workers format and hand over; one thread of the log writes what
// has gathered, a few times a second. What waits for it is bounded: when the disk cannot keep up, lines are dropped and
// counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/net/socket.h"
#include "proxy/session/record.h"

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
  ~AccessLog();  // writes what waits

  void Write(const LogEntry& entry);
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  AccessLog(LogFormat format, net::Socket file, size_t most_lines);
  void Run();

  const LogFormat format_;
  const net::Socket file_;
  const size_t most_lines_;
  std::atomic<uint64_t> dropped_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;  // whole lines
  size_t lines_ = 0;     // in waiting_
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hawser::session
