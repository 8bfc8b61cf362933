// hawser's own log: one line for each message, on stderr, as "2024-02-29T12:00:00.123Z info ready". The time
// is UTC, as in the access log. Messages come through spdlog's default logger from any thread and never wait
// (net/line_writer.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/net/line_writer.h"

namespace hawser::server {

class ProcessLog {
 public:
  // One per process. `level` is one of spdlog's names.
  static absl::StatusOr<std::unique_ptr<ProcessLog>> Start(const std::string& level);
  // Writes what waits. Nothing may be logged from here on.
  ~ProcessLog();

  // Writes a line that has its own form; it ends with '\n'.
  void Write(std::string_view line) { lines_->Write(line); }
  // Lines lost since the start.
  uint64_t dropped() const { return lines_->dropped(); }

 private:
  explicit ProcessLog(std::unique_ptr<net::LineWriter> lines) : lines_(std::move(lines)) {}

  std::unique_ptr<net::LineWriter> lines_;
};

}  // namespace hawser::server
