#include "bench/load/transport.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

namespace hawser::bench {

Transport::Transport(Scratch& scratch, net::Socket socket, TlsContext* context,
                     const std::string& server_name)
    : scratch_(scratch), socket_(std::move(socket)) {
  if (context != nullptr) tls_ = std::make_unique<TlsChannel>(*context, scratch.records, server_name);
}

void Transport::Start() {
  if (!tls_) return;
  tls_->Start();
  SendRecords();
}

std::span<std::byte> Transport::Read(bool& ended) {
  const ssize_t count = recv(fd(), scratch_.wire.data(), scratch_.wire.size(), 0);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) ended = true;
  return std::span(scratch_.wire).first(static_cast<size_t>(std::max<ssize_t>(count, 0)));
}

void Transport::OpenTunnel(std::unique_ptr<Http2Tunnel> tunnel) {
  tunnel_ = std::move(tunnel);
  SendFrames();
}

Transport::Received Transport::Receive() {
  Received received = ReceivePlain();
  if (!tunnel_) return received;
  scratch_.payload.clear();
  tunnel_->Receive(received.bytes, scratch_.payload);
  SendFrames();
  return {.bytes = scratch_.payload, .ended = received.ended || tunnel_->ended()};
}

size_t Transport::Send(std::span<const std::byte> bytes) {
  if (!tunnel_) return SendPlain(bytes);
  tunnel_->Send(bytes);
  SendFrames();
  return bytes.size();
}

// One batch at a time: TLS takes a whole batch; the rest of plain frames waits in the same buffer as TLS
// records.
void Transport::SendFrames() {
  std::vector<std::byte>& frames = scratch_.frames;
  while (!blocked_) {
    frames.clear();
    tunnel_->Collect(frames, Scratch::kBytes);
    if (frames.empty()) return;
    const size_t sent = SendPlain(frames);
    tail_.insert(tail_.end(), frames.begin() + static_cast<ptrdiff_t>(sent), frames.end());
  }
}

Transport::Received Transport::ReceivePlain() {
  Received received;
  received.bytes = Read(received.ended);
  if (!tls_ || received.bytes.empty()) return received;
  size_t count = 0;
  if (!tls_->Decrypt(received.bytes, scratch_.plain, count)) received.ended = true;
  received.bytes = std::span(scratch_.plain).first(count);
  SendRecords();
  return received;
}

size_t Transport::SendPlain(std::span<const std::byte> bytes) {
  if (blocked_) return 0;
  if (!tls_) return Write(bytes);
  size_t sent = 0;
  while (sent < bytes.size() && !blocked_) {
    const auto part = bytes.subspan(sent, std::min(bytes.size() - sent, Scratch::kBytes));
    if (!tls_->Encrypt(part)) return bytes.size();  // broken: Receive will say so
    SendRecords();
    sent += part.size();
  }
  return sent;
}

void Transport::Flush() {
  blocked_ = false;
  const size_t sent = tail_.empty() ? 0 : Write(tail_);
  tail_.erase(tail_.begin(), tail_.begin() + static_cast<ptrdiff_t>(sent));
  if (tunnel_) SendFrames();
}

void Transport::Finish() {
  if (!tls_) return;
  tls_->Finish();
  SendRecords();
}

// Sets blocked_ on an error as well: the socket is then ready at once, and Receive tells the end.
size_t Transport::Write(std::span<const std::byte> bytes) {
  const ssize_t count = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  const size_t sent = static_cast<size_t>(std::max<ssize_t>(count, 0));
  blocked_ = sent < bytes.size();
  return sent;
}

void Transport::SendRecords() {
  std::vector<std::byte>& records = scratch_.records;
  if (records.empty()) return;
  const size_t sent = blocked_ ? 0 : Write(records);
  tail_.insert(tail_.end(), records.begin() + static_cast<ptrdiff_t>(sent), records.end());
  records.clear();
}

}  // namespace hawser::bench
