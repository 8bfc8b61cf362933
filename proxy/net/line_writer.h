// Appends lines to a file, pipe, socket or terminal from a thread of its own, so that nobody who writes a
// line waits for a full disk, a pipe that nobody reads, or a terminal that was stopped. The lines that wait
// are bounded; one that finds no room is dropped and counted. A line is written whole or not at all: if the
// system takes half of it, the other half is the first thing to be written afterwards.
//
// Pipes and terminals may be shared with other processes, and so would be O_NONBLOCK: they stay blocking, and
// are written only when poll(2) sees room, whole lines of at most PIPE_BUF bytes at a time, which other
// writers cannot split (pipe(7)).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/base/thread.h"
#include "proxy/net/socket.h"

namespace hawser::net {

// Opens what lines are appended to; "-" is stdout. A file that is not there is made, mode 0640. Never waits:
// a FIFO is opened even if nobody reads it, and stays open for reading too, so that its readers may leave and
// come back.
absl::StatusOr<Socket> OpenForLines(const std::string& path);

class LineWriter {
 public:
  struct Options {
    std::string thread;                      // its name
    size_t most_lines = 8192;                // that wait to be written
    std::chrono::milliseconds gathering{0};  // that a first line waits for others, to be written together
  };

  // Lines begin to be lost, or are written again.
  struct Change {
    int error;      // errno; EAGAIN: the lines are not taken fast enough; 0: lines are written again
    uint64_t lost;  // lines since the loss began; 0 if it begins now
  };

  // `on_change` is called on the writer's thread: at the first loss, and when a second has passed without
  // another one.
  static absl::StatusOr<std::unique_ptr<LineWriter>> Start(Socket file, Options options,
                                                           absl::AnyInvocable<void(Change)> on_change);
  // Writes what waits, for a second at the most.
  ~LineWriter();

  // `line` ends with its only '\n'. Never waits. Any thread.
  void Write(std::string_view line);
  uint64_t dropped() const;

 private:
  class File;
  class Queue;
  explicit LineWriter(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

  // Shared with the thread, which may be stuck in a write while this ends.
  const std::shared_ptr<Queue> queue_;
  base::Thread thread_;
};

}  // namespace hawser::net
