#include "bench/load/tls.h"

#include <algorithm>
#include <cstring>

#include <openssl/err.h>

#include "fmt/format.h"

namespace hawser::bench {
namespace {

absl::Status Failed(std::string_view what) {
  std::string reason(256, '\0');
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  return absl::InvalidArgumentError(fmt::format("{}: {}", what, reason.c_str()));
}

}  // namespace

TlsContext::TlsContext(const SSL_METHOD* method, bool server)
    : server_(server),
      context_(SSL_CTX_new(method)),
      bio_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes")) {
  SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_app_data(context_.get(), this);
  BIO_meth_set_read(bio_.get(), TlsChannel::ReadRecords);
  BIO_meth_set_write(bio_.get(), TlsChannel::WriteRecords);
  BIO_meth_set_ctrl(bio_.get(), TlsChannel::Control);
}

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::ForClient(const std::string& version, bool resume,
                                                                  bool http2) {
  std::unique_ptr<TlsContext> made(new TlsContext(TLS_client_method(), false));
  SSL_CTX* context = made->context_.get();
  SSL_CTX_set_min_proto_version(context, version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, version == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION);
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  if (http2) SSL_CTX_set_alpn_protos(context, kHttp2, sizeof kHttp2);
  if (resume) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, OnSession);
  } else {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  }
  return made;
}

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::ForServer(const std::string& certificate,
                                                                  const std::string& key) {
  std::unique_ptr<TlsContext> made(new TlsContext(TLS_server_method(), true));
  SSL_CTX* context = made->context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) return Failed(certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return Failed(key);
  return made;
}

int TlsContext::OnSession(SSL* tls, SSL_SESSION* session) {
  static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)))->session_.reset(session);
  return 1;  // the reference is ours now
}

TlsChannel::TlsChannel(TlsContext& context, std::vector<std::byte>& records, const std::string& server_name)
    : records_(records), tls_(SSL_new(context.context_.get())) {
  BIO* bio = BIO_new(context.bio_.get());
  BIO_set_init(bio, 1);
  BIO_set_data(bio, this);
  SSL_set_bio(tls_.get(), bio, bio);
  if (context.server_) {
    SSL_set_accept_state(tls_.get());
    return;
  }
  SSL_set_connect_state(tls_.get());
  std::string name = server_name;  // SSL_set_tlsext_host_name is a macro that casts as this code does not
  SSL_ctrl(tls_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  if (context.session_ != nullptr) SSL_set_session(tls_.get(), context.session_.get());
}

int TlsChannel::ReadRecords(BIO* bio, char* into, int size) {
  auto* channel = static_cast<TlsChannel*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (channel->unread_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t count = std::min(static_cast<size_t>(size), channel->unread_.size());
  std::memcpy(into, channel->unread_.data(), count);
  channel->unread_ = channel->unread_.subspan(count);
  return static_cast<int>(count);
}

int TlsChannel::WriteRecords(BIO* bio, const char* from, int size) {
  auto* channel = static_cast<TlsChannel*>(BIO_get_data(bio));
  const auto bytes = std::as_bytes(std::span(from, static_cast<size_t>(size)));
  channel->records_.insert(channel->records_.end(), bytes.begin(), bytes.end());
  return size;
}

long TlsChannel::Control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void TlsChannel::Start() {
  ERR_clear_error();
  SSL_do_handshake(tls_.get());
}

bool TlsChannel::Decrypt(std::span<const std::byte> received, std::span<std::byte> plain, size_t& count) {
  unread_ = received;
  count = 0;
  while (true) {
    ERR_clear_error();
    size_t got = 0;
    const int result = SSL_read_ex(tls_.get(), plain.data() + count, plain.size() - count, &got);
    if (result == 1) {
      count += got;
      continue;
    }
    unread_ = {};
    return SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_READ;
  }
}

bool TlsChannel::Encrypt(std::span<const std::byte> plain) {
  ERR_clear_error();
  size_t taken = 0;
  return SSL_write_ex(tls_.get(), plain.data(), plain.size(), &taken) == 1;
}

void TlsChannel::Finish() {
  ERR_clear_error();
  if (established()) SSL_shutdown(tls_.get());
}

}  // namespace hawser::bench
