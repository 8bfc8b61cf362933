#include "tests/integration/harness/wire.h"

#include <cerrno>
#include <csignal>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace hawser::integration {
namespace {

net::Socket OpenSocket(const net::SocketAddress& address, const ConnectOptions& options) {
  net::Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (options.receive_buffer > 0) {
    setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  }
  if (!address.unix_socket()) {
    const int on = 1;
    setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (!options.from.empty()) {
    const bool v6 = address.family() == AF_INET6;
    const auto source = net::SocketAddress::Parse(v6 ? "[" + options.from + "]:0" : options.from + ":0");
    sockaddr_storage native;
    const socklen_t length = source->ToNative(native);
    EXPECT_EQ(bind(socket.fd(), reinterpret_cast<sockaddr*>(&native), length), 0) << options.from;
  }
  return socket;
}

}  // namespace

Wire Wire::Connect(const std::string& text, const ConnectOptions& options) {
  const auto address = net::SocketAddress::Parse(text);
  if (!address.ok()) {
    ADD_FAILURE() << "not an address: '" << text << "'";
    return {};
  }
  net::Socket socket = OpenSocket(*address, options);
  sockaddr_storage native;
  const socklen_t length = address->ToNative(native);
  if (connect(socket.fd(), reinterpret_cast<sockaddr*>(&native), length) != 0) return {};
  fcntl(socket.fd(), F_SETFL, O_NONBLOCK);
  Wire wire(std::move(socket));
  if (options.tls && !wire.StartTls(options)) wire.socket_.Reset();
  return wire;
}

bool Wire::StartTls(const ConnectOptions& options) {
  signal(SIGPIPE, SIG_IGN);  // the TLS library writes without MSG_NOSIGNAL
  std::unique_ptr<SSL_CTX, SslFree> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_security_level(context.get(), 0);  // so that old versions can be offered
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), options.max_tls_version);
  ssl_.reset(SSL_new(context.get()));
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_fd(ssl_.get(), fd());
  if (!options.server_name.empty()) {  // what the macro SSL_set_tlsext_host_name does, without its cast
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(options.server_name.c_str()));
  }
  if (!options.alpn.empty()) {
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                        static_cast<unsigned>(options.alpn.size()));
  }
  if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
  return Handshake(SSL_connect);
}

bool Wire::Handshake(int (*step)(SSL*)) {
  const Deadline deadline;
  while (true) {
    ERR_clear_error();
    const int result = step(ssl_.get());
    if (result == 1) return true;
    if (!WaitForTls(result, deadline)) break;
  }
  const unsigned long code = ERR_peek_last_error();
  tls_error_ = code == 0 ? "the connection ended" : ERR_reason_error_string(code);
  return false;
}

std::unique_ptr<SSL_CTX, SslFree> MakeServerContext(const ServeOptions& options) {
  std::unique_ptr<SSL_CTX, SslFree> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), options.private_key.c_str(), SSL_FILETYPE_PEM);
  if (!options.client_ca.empty()) {
    SSL_CTX_load_verify_file(context.get(), options.client_ca.c_str());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

std::string ClientHello() {
  const std::unique_ptr<SSL_CTX, SslFree> context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, SslFree> ssl(SSL_new(context.get()));
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());
  std::string hello(BIO_ctrl_pending(out), '\0');
  BIO_read(out, hello.data(), static_cast<int>(hello.size()));
  return hello;
}

bool Wire::ServeTls(const ServeOptions& options) {
  if (options.context == nullptr) context_ = MakeServerContext(options);
  ssl_.reset(SSL_new(options.context != nullptr ? options.context : context_.get()));
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_fd(ssl_.get(), fd());
  return Handshake(SSL_accept);
}

std::string Wire::alpn() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return std::string(name, name + length);
}

std::string Wire::peer_name() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return "";
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

std::string Wire::local_address() const {
  const auto address = net::LocalAddress(socket_);
  return address.ok() ? address->ToString() : "";
}

bool Wire::Wait(short events, const Deadline& deadline) {
  pollfd descriptor{.fd = fd(), .events = events, .revents = 0};
  while (poll(&descriptor, 1, deadline.left_ms()) < 0) {
    if (errno != EINTR) return false;
  }
  return descriptor.revents != 0;
}

// Whether the call that gave `result` should be made again.
bool Wire::WaitForTls(int result, const Deadline& deadline) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Wait(POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE: return Wait(POLLOUT, deadline);
    default: return false;
  }
}

// The bytes taken, or -1 when the other end is gone.
ssize_t Wire::WriteOnce(std::string_view bytes, const Deadline& deadline) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result =
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20)));
    if (result > 0) return result;
    return WaitForTls(result, deadline) ? 0 : -1;
  }
  const ssize_t result = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (result >= 0) return result;
  if (errno != EAGAIN && errno != EINTR) return -1;
  return Wait(POLLOUT, deadline) ? 0 : -1;
}

bool Wire::Send(std::string_view bytes) {
  const Deadline deadline;
  while (!bytes.empty()) {
    const ssize_t sent = WriteOnce(bytes, deadline);
    if (sent < 0) {
      if (deadline.expired()) ADD_FAILURE() << "deadline: " << bytes.size() << " bytes were not taken";
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Wire::SendTorn(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (!Send(bytes.substr(i, 1))) return false;
  }
  return true;
}

size_t Wire::SendSome(std::string_view bytes) {
  const ssize_t sent = WriteOnce(bytes, Deadline(0ms));
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

void Wire::NoteTlsEnd(int result) {
  const bool in_order = SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN;
  const bool reset = errno == ECONNRESET || errno == EPIPE;
  end_ = in_order ? End::kFin : reset ? End::kReset : End::kTruncated;
}

bool Wire::HasInput() {
  if (received_.empty() && end_ == End::kOpen) Fill(Deadline(0ms));
  return !received_.empty() || end_ != End::kOpen;
}

bool Wire::Fill(const Deadline& deadline) {
  char bytes[65536];
  while (open() && end_ == End::kOpen) {
    if (ssl_ != nullptr) {
      ERR_clear_error();
      errno = 0;
      const int result = SSL_read(ssl_.get(), bytes, sizeof bytes);
      if (result > 0) {
        received_.append(bytes, static_cast<size_t>(result));
        return true;
      }
      const int error = SSL_get_error(ssl_.get(), result);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        NoteTlsEnd(result);
      else if (!WaitForTls(result, deadline))
        return false;
      continue;
    }
    const ssize_t result = recv(fd(), bytes, sizeof bytes, 0);
    if (result > 0) {
      received_.append(bytes, static_cast<size_t>(result));
      return true;
    }
    if (result == 0)
      end_ = End::kFin;
    else if (errno != EAGAIN && errno != EINTR)
      end_ = End::kReset;
    else if (!Wait(POLLIN, deadline))
      return false;
  }
  return false;
}

std::string Wire::Read(size_t count) {
  const Deadline deadline;
  while (received_.size() < count && Fill(deadline)) {
  }
  if (received_.size() < count && end_ == End::kOpen) {
    ADD_FAILURE() << "deadline: " << received_.size() << " of " << count
                  << " bytes came: " << received_.substr(0, 300);
  }
  std::string bytes = received_.substr(0, count);
  received_.erase(0, bytes.size());
  return bytes;
}

std::string Wire::ReadThrough(std::string_view mark) {
  const Deadline deadline;
  while (received_.find(mark) == std::string::npos && Fill(deadline)) {
  }
  const size_t found = received_.find(mark);
  if (found == std::string::npos && end_ == End::kOpen) {
    ADD_FAILURE() << "deadline: no '" << mark << "' in " << received_.substr(0, 300);
  }
  return Read(found == std::string::npos ? received_.size() : found + mark.size());
}

End Wire::ReadEnd(std::string* rest) {
  const Deadline deadline;
  do {
    if (rest != nullptr) *rest += received_;
    received_.clear();
  } while (Fill(deadline));
  if (end_ == End::kOpen) ADD_FAILURE() << "deadline: the connection did not end";
  return end_;
}

void Wire::ShutdownWrite() {
  if (ssl_ != nullptr) SSL_shutdown(ssl_.get());
  shutdown(fd(), SHUT_WR);
}

void Wire::Reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (ssl_ != nullptr) SSL_set_quiet_shutdown(ssl_.get(), 1);
  Close();
}

}  // namespace hawser::integration
