// One end of a floor's tunnel: a non-blocking socket, with or without OpenSSL on its stock socket BIO.
#pragma once

#include <memory>
#include <span>

#include <openssl/ssl.h>
#include <sys/types.h>

#include "proxy/net/socket.h"

namespace hawser::bench {

inline constexpr ssize_t kBlocked = -1;
inline constexpr ssize_t kEnded = -2;  // end of file or broken

struct Freed {
  void operator()(SSL* tls) const { SSL_free(tls); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

class End {
 public:
  End(net::Socket socket, SSL_CTX* context);

  int fd() const { return socket_.fd(); }
  // Bytes read or written (at least one), kBlocked or kEnded.
  ssize_t Read(std::span<std::byte> into);
  ssize_t Write(std::span<const std::byte> bytes);
  // Whether decrypted bytes wait that epoll does not report.
  bool pending() const { return tls_ && SSL_pending(tls_.get()) > 0; }
  // Ends a TLS session in order.
  void Finish();

  uint32_t interest = 0;  // as registered with epoll

 private:
  net::Socket socket_;
  std::unique_ptr<SSL, Freed> tls_;
};

}  // namespace hawser::bench
