// OpenSSL for both roles of the load generator, over bytes instead of sockets: a TlsChannel takes the bytes
// of one recv and collects the bytes of one send, so that the generator itself costs little. Certificates are
// not verified: the peers under test make their own.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "absl/status/statusor.h"

namespace hawser::bench {

struct Freed {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* tls) const { SSL_free(tls); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

class TlsContext {
 public:
  // `version` is "1.2", "1.3" or empty for either. With `resume` every connection offers the last session
  // seen, with `http2` HTTP/2 alone.
  static absl::StatusOr<std::unique_ptr<TlsContext>> ForClient(const std::string& version, bool resume,
                                                               bool http2);
  static absl::StatusOr<std::unique_ptr<TlsContext>> ForServer(const std::string& certificate,
                                                               const std::string& key);

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsChannel;
  TlsContext(const SSL_METHOD* method, bool server);
  static int OnSession(SSL* tls, SSL_SESSION* session);

  const bool server_;
  std::unique_ptr<SSL_CTX, Freed> context_;
  std::unique_ptr<BIO_METHOD, Freed> bio_;
  std::unique_ptr<SSL_SESSION, Freed> session_;  // the last one that a server gave us
};

class TlsChannel {
 public:
  // Records to be sent are appended to `records`, which many channels share: it must be empty before each
  // call, and taken away after it.
  TlsChannel(TlsContext& context, std::vector<std::byte>& records, const std::string& server_name);

  // Begins a client's handshake.
  void Start();
  // Takes records that came, all of them, and puts what they held into `plain`, which must be a record
  // (16 KiB) larger: the beginning of one may have come before. Sets `count`.
  // False: the peer ended, or broke, the session (what `count` says was got before).
  bool Decrypt(std::span<const std::byte> received, std::span<std::byte> plain, size_t& count);
  // True unless the session is broken.
  bool Encrypt(std::span<const std::byte> plain);
  // Writes a close_notify.
  void Finish();

  bool established() const { return SSL_is_init_finished(tls_.get()) != 0; }
  bool resumed() const { return SSL_session_reused(tls_.get()) != 0; }

 private:
  friend class TlsContext;
  static int ReadRecords(BIO* bio, char* into, int size);
  static int WriteRecords(BIO* bio, const char* from, int size);
  static long Control(BIO* bio, int command, long number, void* pointer);

  std::vector<std::byte>& records_;
  std::span<const std::byte> unread_;  // of what Decrypt was given; empty outside of it
  std::unique_ptr<SSL, Freed> tls_;
};

}  // namespace hawser::bench
