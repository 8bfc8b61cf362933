// One end of a connection, over which a test controls every byte: TCP or a Unix socket, plain or under TLS,
// as client or as backend. Calls block until they are done or until the harness's deadline, which fails the
// test.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "proxy/net/address.h"
#include "proxy/net/socket.h"
#include "tests/integration/harness/deadline.h"

namespace hawser::integration {

// How the other end's bytes ended.
enum class End : uint8_t {
  kOpen,       // they did not: the deadline came first
  kFin,        // in order (TLS: close_notify)
  kTruncated,  // TLS only: FIN without close_notify
  kReset,
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslSession = std::unique_ptr<SSL_SESSION, SslFree>;

struct ConnectOptions {
  std::string from;                // source address; the kernel's choice, if empty
  int receive_buffer = 0;          // SO_RCVBUF; the kernel's default, if 0
  bool tls = false;                // nothing is verified
  std::string server_name;         // SNI, if not empty
  int max_tls_version = 0;         // as SSL_CTX_set_max_proto_version takes it
  SSL_SESSION* session = nullptr;  // to resume
  std::string alpn;                // offered, in wire format: "\x02h2\x08http/1.1"
};

// A backend's side of TLS.
struct ServeOptions {
  std::string certificate;  // paths
  std::string private_key;
  std::string client_ca;  // not empty: the client must have a certificate of this authority
  // Instead of the above: one context for several connections, for sessions to be resumed.
  SSL_CTX* context = nullptr;
};
std::unique_ptr<SSL_CTX, SslFree> MakeServerContext(const ServeOptions& options);

// A first flight of a handshake, for a socket that the test drives itself.
std::string ClientHello();

class Wire {
 public:
  Wire() = default;
  explicit Wire(net::Socket socket) : socket_(std::move(socket)) {}

  // Not open() when refused, or when the TLS handshake failed (see tls_error()).
  static Wire Connect(const std::string& address, const ConnectOptions& options = {});

  // Speaks TLS as the server from here on. False, with tls_error(), if the handshake fails.
  bool ServeTls(const ServeOptions& options);

  bool open() const { return socket_.open(); }
  int fd() const { return socket_.fd(); }
  SSL* ssl() { return ssl_.get(); }
  std::string alpn() const;       // as agreed
  std::string peer_name() const;  // the common name of the other end's certificate
  const std::string& tls_error() const { return tls_error_; }
  // "127.0.0.1:40312", as the access log writes it.
  std::string local_address() const;

  // Whether all was taken; false when the other end is gone.
  bool Send(std::string_view bytes);
  // A segment for each byte.
  bool SendTorn(std::string_view bytes);
  // What the socket takes now, without waiting.
  size_t SendSome(std::string_view bytes);

  // Exactly `count` bytes; fewer only at the end.
  std::string Read(size_t count);
  // Up to and with `mark`; what there was, at the end.
  std::string ReadThrough(std::string_view mark);
  // Reads and drops until there is no more; `rest` keeps it.
  End ReadEnd(std::string* rest = nullptr);
  // Whether bytes or the end have come; does not wait.
  bool HasInput();
  // Bytes that were read from the socket and not yet asked for.
  const std::string& unread() const { return received_; }
  End end() const { return end_; }

  void ShutdownWrite();
  void Reset();  // RST
  void Close() { *this = Wire(); }

 private:
  // Waits for bytes and appends them to received_. False at the end and at the deadline.
  bool Fill(const Deadline& deadline);
  bool StartTls(const ConnectOptions& options);
  bool Handshake(int (*step)(SSL*));
  bool Wait(short events, const Deadline& deadline);
  bool WaitForTls(int result, const Deadline& deadline);
  ssize_t WriteOnce(std::string_view bytes, const Deadline& deadline);
  void NoteTlsEnd(int result);

  net::Socket socket_;
  std::unique_ptr<SSL_CTX, SslFree> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::string tls_error_;
  std::string received_;
  End end_ = End::kOpen;
};

}  // namespace hawser::integration
