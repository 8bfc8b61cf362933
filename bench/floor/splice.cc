#include "bench/floor/splice.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>

#include "bench/floor/end.h"

namespace hawser::bench {
namespace {

constexpr int kPipeBytes = 256 * 1024;

ssize_t Move(int from, int to, size_t count) {
  const ssize_t moved = splice(from, nullptr, to, nullptr, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved > 0) return moved;
  return moved < 0 && errno == EAGAIN ? kBlocked : kEnded;
}

}  // namespace

std::unique_ptr<Pipe> PipePool::Take() {
  if (!idle_.empty()) {
    std::unique_ptr<Pipe> pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
  fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  auto pipe = std::make_unique<Pipe>();
  pipe->read.Reset(ends[0]);
  pipe->write.Reset(ends[1]);
  return pipe;
}

void PipePool::Give(std::unique_ptr<Pipe> pipe) {
  if (pipe->held == 0) idle_.push_back(std::move(pipe));
}

ssize_t Fill(Pipe& pipe, int from) {
  const ssize_t moved = Move(from, pipe.write.fd(), kPipeBytes);
  if (moved > 0) pipe.held = static_cast<size_t>(moved);
  return moved;
}

ssize_t Empty(Pipe& pipe, int to) {
  const ssize_t moved = Move(pipe.read.fd(), to, pipe.held);
  if (moved > 0) pipe.held -= static_cast<size_t>(moved);
  return moved;
}

}  // namespace hawser::bench
