// A connected socket with or without TLS, as both ends of the load generator use it: one recv a call into
// scratch that the process shares, sends that keep only what the kernel did not take. A client's may carry a
// tunnel of HTTP/2: what is sent and received is then the tunnel's payload.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "bench/load/http2_tunnel.h"
#include "bench/load/tls.h"
#include "proxy/net/socket.h"

namespace hawser::bench {

// One per process; received bytes are valid until the next call of any transport.
struct Scratch {
  static constexpr size_t kBytes = 256 * 1024;
  std::vector<std::byte> wire = std::vector<std::byte>(kBytes);
  // Longer by a record: its beginning may have come with an earlier recv.
  std::vector<std::byte> plain = std::vector<std::byte>(kBytes + SSL3_RT_MAX_PLAIN_LENGTH);
  std::vector<std::byte> records;
  std::vector<std::byte> payload;  // of a tunnel of HTTP/2
  std::vector<std::byte> frames;
};

class Transport {
 public:
  // `context` null: without TLS. The socket is non-blocking.
  Transport(Scratch& scratch, net::Socket socket, TlsContext* context, const std::string& server_name);

  int fd() const { return socket_.fd(); }
  bool secured() const { return !tls_ || tls_->established(); }
  bool resumed() const { return tls_ && tls_->resumed(); }
  // The kernel took less than it was offered: nothing more is taken until Flush, when the socket is writable
  // again.
  bool blocked() const { return blocked_; }

  // Begins a client's TLS handshake.
  void Start();
  // Everything from here on goes through this tunnel.
  void OpenTunnel(std::unique_ptr<Http2Tunnel> tunnel);
  const Http2Tunnel* tunnel() const { return tunnel_.get(); }

  struct Received {
    std::span<std::byte> bytes;  // may be changed in place
    bool ended = false;          // nothing more will come: end of file, reset, or a broken session
  };
  Received Receive();

  // Takes a prefix of `bytes` and returns its length, less than all only when blocked.
  size_t Send(std::span<const std::byte> bytes);
  void Flush();
  // Sends a close_notify where there is TLS.
  void Finish();

 private:
  Received ReceivePlain();
  size_t SendPlain(std::span<const std::byte> bytes);
  void SendFrames();
  std::span<std::byte> Read(bool& ended);
  size_t Write(std::span<const std::byte> bytes);
  void SendRecords();

  Scratch& scratch_;
  net::Socket socket_;
  std::unique_ptr<TlsChannel> tls_;
  std::unique_ptr<Http2Tunnel> tunnel_;
  std::vector<std::byte> tail_;  // records, or frames of HTTP/2, that the kernel did not take
  bool blocked_ = false;
};

}  // namespace hawser::bench
