#include "proxy/tls/client_context.h"

#include <utility>

#include <openssl/x509v3.h>

#include "fmt/format.h"
#include "proxy/base/status_macros.h"
#include "proxy/net/address.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::tls {
namespace {

absl::Status SetTrust(const ClientOptions& options, SSL_CTX* context) {
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options.verify) return absl::OkStatus();
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(
        context);  // a machine without authorities fails each handshake, not the start
    ClearErrors();
    return absl::OkStatus();
  }
  if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("cannot load authorities from '{}': {}", options.ca_file, TakeError()));
}

absl::Status SetCertificate(const ClientOptions& options, SSL_CTX* context) {
  if (!options.certificate) return absl::OkStatus();
  HAWSER_ASSIGN_OR_RETURN(const Certificate certificate, LoadCertificate(*options.certificate));
  if (SSL_CTX_use_cert_and_key(context, certificate.leaf.get(), certificate.key.get(),
                               certificate.intermediates.get(), 1) == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("cannot use certificate '{}': {}", options.certificate->chain, TakeError()));
}

// Returns 1 where it has taken the session. Streams without a slot have no application data.
int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (stream == nullptr) return 0;
  stream->Remember(SessionPtr(session));
  return 1;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ClientContext>> ClientContext::Create(const ClientOptions& options) {
  if (options.min_version > options.max_version) {
    return absl::InvalidArgumentError("min_version is above max_version");
  }
  HAWSER_ASSIGN_OR_RETURN(const std::string alpn, EncodeAlpn(options.alpn));
  ClearErrors();
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr)
    return absl::InternalError(fmt::format("cannot make a TLS context: {}", TakeError()));
  SSL_CTX_set_min_proto_version(context.get(), NativeVersion(options.min_version));
  SSL_CTX_set_max_proto_version(context.get(), NativeVersion(options.max_version));
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), OnNewSession);
  SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned int>(alpn.size()));
  HAWSER_RETURN_IF_ERROR(SetTrust(options, context.get()));
  HAWSER_RETURN_IF_ERROR(SetCertificate(options, context.get()));
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(context)));
}

SslPtr ClientContext::NewSsl(const std::string& server_name, const SessionSlot* slot) const {
  SslPtr ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return ssl;
  SSL_set_connect_state(ssl.get());
  if (slot != nullptr && slot->session != nullptr) SSL_set_session(ssl.get(), slot->session.get());
  if (server_name.empty()) return ssl;
  bool named = false;
  if (net::IpAddress::Parse(server_name).ok()) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), server_name.c_str()) == 1;
  } else {
    named = SSL_set1_host(ssl.get(), server_name.c_str()) == 1 &&
            SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(server_name.c_str())) == 1;
  }
  if (!named) ssl.reset();  // rather no connection than an unverified one
  return ssl;
}

}  // namespace hawser::tls
