#include "proxy/net/pipe.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "proxy/base/check.h"

namespace hawser::net {
namespace {

// As much as one read into the loop's scratch. An unprivileged process that has made many pipes may be given
// less.
constexpr int kWantedBytes = 256 * 1024;

ssize_t Splice(int from, int to, size_t most) {
  while (true) {
    const ssize_t moved = splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved >= 0 || errno != EINTR) return moved;
  }
}

}  // namespace

bool Pipe::Ready() {
  if (read_.open()) return true;
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
  read_.Reset(ends[0]);
  write_.Reset(ends[1]);
  fcntl(write_.fd(), F_SETPIPE_SZ, kWantedBytes);
  capacity_ = static_cast<size_t>(std::max(fcntl(write_.fd(), F_GETPIPE_SZ), 0));
  held_ = 0;
  return true;
}

IoResult Pipe::Fill(int from, size_t most) {
  HAWSER_DCHECK(read_.open() && held_ == 0);
  const ssize_t moved = Splice(from, write_.fd(), std::min(most, capacity_));
  if (moved > 0) {
    held_ = static_cast<size_t>(moved);
    return {held_, IoState::kOk};
  }
  if (moved == 0) return {0, IoState::kEnd};
  return {0, errno == EAGAIN ? IoState::kBlocked : IoState::kError};
}

IoResult Pipe::WriteTo(int to) {
  const size_t all = held_;
  while (held_ > 0) {
    const ssize_t moved = Splice(read_.fd(), to, held_);
    if (moved > 0) {
      held_ -= static_cast<size_t>(moved);
      continue;
    }
    if (moved < 0 && errno == EAGAIN) return {all - held_, IoState::kBlocked};
    Discard();
    return {0, IoState::kError};
  }
  return {all, IoState::kOk};
}

void Pipe::Take(Buffer& into, BufferPool& pool, std::span<std::byte> scratch) {
  while (held_ > 0) {
    const ssize_t got = read(read_.fd(), scratch.data(), std::min(scratch.size(), held_));
    HAWSER_DCHECK(got > 0);  // they are there
    if (got <= 0) return Discard();
    into.Append(pool, scratch.first(static_cast<size_t>(got)));
    held_ -= static_cast<size_t>(got);
  }
}

void Pipe::Discard() {
  read_.Reset();
  write_.Reset();
  held_ = 0;
}

}  // namespace hawser::net
