// The ByteStream of a connected (or connecting) TCP or Unix socket. Owned by the object that relays it; loop
// thread only.
#pragma once

#include <memory>

#include "proxy/event/loop.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/socket.h"

namespace hawser::net {

class TcpStream final : public ByteStream {
 public:
  TcpStream(event::Loop& loop, Socket socket) : loop_(loop), socket_(std::move(socket)) {}
  ~TcpStream() override { Close(CloseReason::kOrderly); }

  void Watch(event::IoHandler* handler, uint8_t tag) override;
  void Want(event::Interest interest) override;
  IoResult Read(std::span<std::byte> into) override;
  IoResult Write(std::span<const std::byte> bytes) override;
  void ShutdownWrite() override;
  IoResult WriteLast(std::span<const std::byte> bytes) override;
  void Close(CloseReason reason) override;
  bool Delivering(base::Duration within) const override;
  std::optional<base::Duration> HostSilence() const override;
  uint32_t TakenMark() const override;
  void LimitUnsent(size_t bytes) override;
  void LimitUnread(size_t bytes) override;
  int plain_socket() const override { return socket_.fd(); }
  int error() const override { return error_; }

  int fd() const { return socket_.fd(); }

 private:
  IoResult Send(std::span<const std::byte> bytes, int flags);
  IoResult Fail(int error);
  void BreakUnwatched();

  event::Loop& loop_;
  Socket socket_;
  int error_ = 0;
  event::Target target_;
  // In epoll. Only while something is wanted: epoll reports a hang-up whatever is asked for.
  bool registered_ = false;
  bool unwatched_ = false;  // epoll did not take it: broken, since its owner would get no more events
  bool shut_ = false;
  event::Interest interest_;
};

}  // namespace hawser::net
