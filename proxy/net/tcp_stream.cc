#include "proxy/net/tcp_stream.h"

#include <cerrno>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/net/socket_memory.h"
#include "proxy/net/tcp_state.h"

namespace hawser::net {

void TcpStream::Watch(event::IoHandler* handler, uint8_t tag) {
  if (handler == nullptr) Want({});
  if (unwatched_) loop_.Forget(target_);
  target_ = handler != nullptr ? event::Target(*handler, tag) : event::Target();
  if (unwatched_ && interest_ != event::Interest{}) BreakUnwatched();
}

void TcpStream::Want(event::Interest interest) {
  if (interest == interest_ || !socket_.open()) return;
  interest_ = interest;
  if (interest == event::Interest{}) {
    registered_ ? loop_.Remove(socket_.fd(), target_) : loop_.Forget(target_);
    registered_ = false;
  } else if (registered_) {
    loop_.Modify(socket_.fd(), target_, interest);
  } else {
    registered_ = loop_.Add(socket_.fd(), target_, interest).ok();
    if (!registered_) BreakUnwatched();
  }
}

// Out of the kernel's memory, or of its watches (fs.epoll.max_user_watches): the owner is called in the next
// turn, and gets the error when it reads or writes.
void TcpStream::BreakUnwatched() {
  unwatched_ = true;
  if (target_.handler() == nullptr) return;
  loop_.Soon(*target_.handler(), {.readable = true, .writable = true, .tag = target_.tag()});
}

IoResult TcpStream::Fail(int error) {
  error_ = error;
  return {0, IoState::kError};
}

IoResult TcpStream::Read(std::span<std::byte> into) {
  HAWSER_DCHECK(!into.empty());  // recv(2) of nothing looks like an end
  if (!socket_.open()) return Fail(EBADF);
  if (unwatched_) return Fail(ENOMEM);
  while (true) {
    const ssize_t got = recv(socket_.fd(), into.data(), into.size(), 0);
    if (got > 0) {
      const auto bytes = static_cast<size_t>(got);
      loop_.Spend(bytes);
      return {bytes, bytes == into.size() ? IoState::kOk : IoState::kBlocked};
    }
    // After a write has failed with a reset, recv(2) returns 0 as for an end. After a FIN, a later write
    // fails with EPIPE.
    if (got == 0) return error_ == 0 || error_ == EPIPE ? IoResult{0, IoState::kEnd} : Fail(error_);
    if (errno == EAGAIN) return {0, IoState::kBlocked};
    if (errno != EINTR) return Fail(errno);
  }
}

IoResult TcpStream::Write(std::span<const std::byte> bytes) {
  return Send(bytes, 0);
}

// The kernel holds the bytes until the FIN takes them along.
IoResult TcpStream::WriteLast(std::span<const std::byte> bytes) {
  const IoResult put = Send(bytes, MSG_MORE);
  if (put.state == IoState::kOk) ShutdownWrite();
  return put;
}

IoResult TcpStream::Send(std::span<const std::byte> bytes, int flags) {
  if (!socket_.open()) return Fail(EBADF);
  if (unwatched_) return Fail(ENOMEM);
  if (bytes.empty()) return {};
  while (true) {
    const ssize_t sent = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
    if (sent >= 0) {
      const auto count = static_cast<size_t>(sent);
      loop_.Spend(count);
      return {count, count == bytes.size() ? IoState::kOk : IoState::kBlocked};
    }
    if (errno == EAGAIN) return {0, IoState::kBlocked};
    if (errno != EINTR) return Fail(errno);
  }
}

void TcpStream::ShutdownWrite() {
  if (!socket_.open() || shut_) return;
  shut_ = true;
  shutdown(socket_.fd(), SHUT_WR);
}

bool TcpStream::Delivering(base::Duration within) const {
  const std::optional<TcpState> state = AskTcp(socket_.fd());
  return state && state->under_way() && state->since_acknowledged <= within;
}

std::optional<base::Duration> TcpStream::HostSilence() const {
  const std::optional<TcpState> state = AskTcp(socket_.fd());
  return state ? SilenceOf(*state) : std::nullopt;
}

uint32_t TcpStream::TakenMark() const {
  if (const std::optional<TcpState> state = AskTcp(socket_.fd()))
    return static_cast<uint32_t>(state->acknowledged);
  int unread = 0;  // by the peer of a Unix socket
  ioctl(socket_.fd(), SIOCOUTQ, &unread);
  return static_cast<uint32_t>(unread);
}

void TcpStream::LimitUnsent(size_t bytes) {
  if (socket_.open()) net::LimitUnsent(socket_.fd(), bytes);
}

void TcpStream::LimitUnread(size_t bytes) {
  if (!socket_.open()) return;
  bytes > 0 ? net::LimitUnread(socket_.fd(), bytes) : net::FreeUnread(socket_.fd());
}

void TcpStream::Close(CloseReason reason) {
  if (!socket_.open()) return;
  if (registered_ || unwatched_) loop_.Forget(target_);  // closing it ends the registration
  registered_ = false;
  if (reason == CloseReason::kAbort) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  socket_.Reset();
}

}  // namespace hawser::net
