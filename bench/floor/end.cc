#include "bench/floor/end.h"

#include <cerrno>

#include <openssl/err.h>
#include <sys/socket.h>

namespace hawser::bench {
namespace {

ssize_t Outcome(ssize_t count) {
  if (count > 0) return count;
  return count < 0 && errno == EAGAIN ? kBlocked : kEnded;
}

ssize_t TlsOutcome(SSL* tls, int result, size_t count) {
  if (result == 1) return static_cast<ssize_t>(count);
  const int error = SSL_get_error(tls, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? kBlocked : kEnded;
}

}  // namespace

End::End(net::Socket socket, SSL_CTX* context) : socket_(std::move(socket)) {
  if (context == nullptr) return;
  tls_.reset(SSL_new(context));
  SSL_set_accept_state(tls_.get());
  SSL_set_fd(tls_.get(), fd());
}

ssize_t End::Read(std::span<std::byte> into) {
  if (!tls_) return Outcome(recv(fd(), into.data(), into.size(), 0));
  ERR_clear_error();
  size_t count = 0;
  const int result = SSL_read_ex(tls_.get(), into.data(), into.size(), &count);
  return TlsOutcome(tls_.get(), result, count);
}

ssize_t End::Write(std::span<const std::byte> bytes) {
  if (!tls_) return Outcome(send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ERR_clear_error();
  size_t count = 0;
  const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &count);
  return TlsOutcome(tls_.get(), result, count);
}

void End::Finish() {
  if (!tls_ || SSL_is_init_finished(tls_.get()) == 0) return;
  ERR_clear_error();
  SSL_shutdown(tls_.get());
}

}  // namespace hawser::bench
