// The other end of a TlsStream under test: OpenSSL's own client over memory, so that a test decides on every
// byte that crosses the socket and on every byte that is taken off it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "gtest/gtest.h"
#include "proxy/net/socket.h"
#include "proxy/tls/openssl.h"

namespace hawser::tls {

using SessionPtr = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;

struct PeerOptions {
  std::string server_name;
  std::vector<std::string> alpn;
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string signature_algorithms;  // empty: all that OpenSSL knows
  std::string groups;                // empty: OpenSSL's own
  SSL_SESSION* session = nullptr;    // to resume
};

class Peer {
 public:
  explicit Peer(net::Socket socket, const PeerOptions& options = {}) : socket_(std::move(socket)) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), options.min_version);
    SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<Peer*>(SSL_get_app_data(ssl))->sessions_.emplace_back(session);
      return 1;
    });
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_app_data(ssl_.get(), this);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
    std::string name = options.server_name;
    if (!name.empty())
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (!options.signature_algorithms.empty()) {
      SSL_ctrl(ssl_.get(), SSL_CTRL_SET_SIGALGS_LIST, 0,
               const_cast<char*>(options.signature_algorithms.c_str()));
    }
    if (!options.groups.empty()) SSL_set1_groups_list(ssl_.get(), options.groups.c_str());
    std::string alpn;
    for (const std::string& one : options.alpn) alpn += static_cast<char>(one.size()) + one;
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned int>(alpn.size()));
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
  }

  // One step; what it produced is queued for Flush. True when the handshake is complete.
  bool Handshake() { return Judge(SSL_do_handshake(ssl_.get())); }
  bool Write(std::string_view text) {
    return Judge(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())));
  }
  // All plaintext that is there.
  std::string Read() {
    std::string all(1 << 16, '\0');
    size_t total = 0;
    while (true) {
      if (all.size() - total < (1 << 15)) all.resize(all.size() * 2);
      size_t got = 0;
      if (!Judge(SSL_read_ex(ssl_.get(), all.data() + total, all.size() - total, &got))) break;
      total += got;
    }
    all.resize(total);
    return all;
  }
  void CloseNotify() { Judge(SSL_shutdown(ssl_.get())); }
  bool KeyUpdate() { return SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1 && Handshake(); }
  bool Renegotiate() { return SSL_renegotiate(ssl_.get()) == 1 && (Handshake(), true); }

  // Ciphertext that waits to be sent.
  std::string TakeWire() {
    std::string wire(BIO_ctrl_pending(out_), '\0');
    if (!wire.empty()) BIO_read(out_, wire.data(), static_cast<int>(wire.size()));
    return wire;
  }
  // Sends it as far as the socket takes it.
  void Flush() {
    unsent_ += TakeWire();
    while (!unsent_.empty()) {
      const ssize_t sent = send(socket_.fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      unsent_.erase(0, static_cast<size_t>(sent));
    }
  }
  void SendRaw(std::string_view bytes) {
    ASSERT_EQ(send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Takes up to `most` bytes off the socket; how many.
  size_t Fill(size_t most = 1 << 20) {
    std::string bytes(most, '\0');
    const ssize_t got = recv(socket_.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) error_ = errno == EAGAIN ? error_ : errno;
    if (got == 0) fin_ = true;
    if (got > 0) BIO_write(in_, bytes.data(), static_cast<int>(got));
    return got > 0 ? static_cast<size_t>(got) : 0;
  }
  void Reset() {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    socket_.Reset();
  }
  void Finish() { shutdown(socket_.fd(), SHUT_WR); }

  std::string CommonName() const {
    const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
    char name[256] = "";
    if (certificate != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
    }
    return name;
  }
  std::string KeyType() const {
    const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
    return certificate != nullptr ? EVP_PKEY_get0_type_name(X509_get0_pubkey(certificate.get())) : "";
  }
  std::string Alpn() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  int alert() const { return alert_; }  // that the server sent; 0 for none
  bool close_notified() const { return closed_; }
  bool fin() const { return fin_; }
  int error() const { return error_; }
  bool reused() const { return SSL_session_reused(ssl_.get()) == 1; }
  // For the next connection; null if there is no ticket.
  SessionPtr TakeSession() {
    // OpenSSL bars the session of a connection that is freed without an end from being resumed.
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN);
    SessionPtr last(SSL_get1_session(ssl_.get()));  // in TLS 1.2 it holds the ticket
    if (!sessions_.empty()) last = std::move(sessions_.back());
    sessions_.clear();
    return last != nullptr && SSL_SESSION_has_ticket(last.get()) == 1 ? std::move(last) : nullptr;
  }
  size_t tickets() const { return sessions_.size(); }
  SSL* ssl() { return ssl_.get(); }
  int fd() const { return socket_.fd(); }

 private:
  bool Judge(int result) {
    if (result == 1 || (result > 0 && SSL_is_init_finished(ssl_.get()))) return true;
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) closed_ = true;
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason > SSL_AD_REASON_OFFSET) alert_ = reason - SSL_AD_REASON_OFFSET;
    ERR_clear_error();
    return false;
  }

  net::Socket socket_;
  ContextPtr context_;
  std::vector<SessionPtr> sessions_;
  SslPtr ssl_;
  BIO* in_ = nullptr;  // owned by ssl_
  BIO* out_ = nullptr;
  std::string unsent_;
  int alert_ = 0;
  bool closed_ = false;
  bool fin_ = false;
  int error_ = 0;
};

}  // namespace hawser::tls
