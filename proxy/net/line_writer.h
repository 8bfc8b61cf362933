// Appends lines to a file, pipe, socket or terminal from a thread of its own, so that nobody who writes a line waits for
// whoever takes it: a full disk, a pipe that nobody reads, a terminal that was stopped. What waits is bounded; what finds
// no room is dropped and counted. A line is written whole or not at all: one that the system takes half of is finished
// first when it takes something again.
//
// Pipes and terminals belong to others as well and may block (O_NONBLOCK would be theirs too): they are written only where
// poll(2) sees room, whole lines of at most PIPE_BUF bytes at a time, which no other writer can come between (pipe(7)).
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

// What lines are appended to; a file is made if it is not there, mode 0640. "-" is stdout. Never waits: a FIFO is opened
// whether it is read or not, and is held open on both sides, so that readers may leave and come back.
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
    uint64_t lost;  // lines, since they began to be; 0 where that is now
  };

  // `on_change` is called on the writer's thread. A change is told when it happens and, back again, when a second has
  // passed without a loss.
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

  const std::shared_ptr<Queue>
      queue_;  // shared with the thread, which may be stuck in a write while this ends
  base::Thread thread_;
};

}  // namespace hawser::net
