#include "proxy/tls/context.h"

#include <algorithm>
#include <map>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::tls {
namespace {

// AES-128 first: as safe as AES-256 here and a quarter cheaper. A client that prefers ChaCha20 (no AES
// instructions) gets it: SSL_OP_PRIORITIZE_CHACHA.
constexpr char kTls13Ciphers[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr unsigned char kSessionIdContext[] = "hawser";
constexpr std::chrono::seconds kLongestSession = std::chrono::hours(24 * 7);  // RFC 8446 §4.6.1

// By name, as certificates carry it, the indices of those that do; ascending.
using Carriers = absl::flat_hash_map<std::string, std::vector<size_t>>;

Carriers IndexByName(const std::vector<Certificate>& certificates) {
  Carriers carriers;
  for (size_t i = 0; i < certificates.size(); ++i) {
    for (const std::string& name : certificates[i].names) {
      std::vector<size_t>& list = carriers[name];
      if (list.empty() || list.back() != i) list.push_back(i);
    }
  }
  return carriers;
}

// Of the certificates that carry `name`, itself or as a wildcard, the first of each key type; by index,
// ascending.
std::vector<size_t> Serving(const std::vector<Certificate>& certificates, const Carriers& carriers,
                            const std::string& name) {
  std::vector<size_t> chosen;
  const auto take = [&](const std::string& carried) {
    const auto found = carriers.find(carried);
    if (found == carriers.end()) return;
    for (const size_t i : found->second) {
      const auto same_type = [&](size_t j) {
        return certificates[j].key_type() == certificates[i].key_type();
      };
      if (std::none_of(chosen.begin(), chosen.end(), same_type)) chosen.push_back(i);
    }
  };
  take(name);
  if (!name.starts_with("*.")) take(WildcardFor(name));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

absl::Status Install(const Certificate& certificate, const CertificateFiles& files, SSL_CTX* context) {
  ClearErrors();
  if (SSL_CTX_use_cert_and_key(context, certificate.leaf.get(), certificate.key.get(),
                               certificate.intermediates.get(), 1) == 1) {
    return absl::OkStatus();
  }
  return Bad(fmt::format("cannot use certificate '{}': {}", files.chain, TakeError()));
}

absl::Status Check(const ServerOptions& options) {
  if (options.certificates.empty()) return Bad("TLS needs at least one certificate");
  if (options.min_version > options.max_version) return Bad("min_version is above max_version");
  if (options.tickets.enabled && options.tickets.rotation <= base::Duration::zero()) {
    return Bad("the rotation of session tickets must be positive");
  }
  return EncodeAlpn(options.alpn).status();
}

}  // namespace

struct ServerContext::Callbacks {
  static const ServerContext& Of(const SSL* ssl) {
    return *static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }

  static int OnServerName(SSL* ssl, int* alert, void*) {
    const ServerContext& self = Of(ssl);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX* context = name != nullptr ? self.ContextFor(name) : nullptr;
    if (context != nullptr) {
      if (context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
      return SSL_TLSEXT_ERR_OK;
    }
    if (!self.strict_sni_) return SSL_TLSEXT_ERR_NOACK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  // Called only where the client offers ALPN (RFC 7301 §3.2).
  static int OnAlpn(SSL* ssl, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
    const std::string& ours = Of(ssl).alpn_;
    if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
    unsigned char* match = nullptr;  // into one of the two lists: OpenSSL's signature is not const-correct
    const int result =
        SSL_select_next_proto(&match, length, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned int>(ours.size()), offered, offered_length);
    if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = match;
    return SSL_TLSEXT_ERR_OK;
  }

  static int OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int sealing) {
    HAWSER_DCHECK(Of(ssl).ticket_keys_ != nullptr);  // else the callback is not installed
    TicketKeys& keys = *Of(ssl).ticket_keys_;
    if (sealing != 0) return keys.Seal(name, iv, cipher, mac) ? 1 : -1;
    switch (keys.Open(name, iv, cipher, mac)) {
      case TicketKeys::Verdict::kUnknown: return 0;
      case TicketKeys::Verdict::kFailed: return -1;
      case TicketKeys::Verdict::kAcceptedOld: return 2;
      case TicketKeys::Verdict::kAccepted: break;
    }
    // 2 asks for a new ticket. TLS 1.3 clients use each one once (RFC 8446 §C.4), so they always get the
    // next.
    return SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
  }
};

int NativeVersion(Version version) {
  return version == Version::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

absl::StatusOr<std::string> EncodeAlpn(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return Bad(fmt::format("'{}' is no ALPN protocol name", name));
    wire.push_back(static_cast<char>(name.size()));
    wire += name;
  }
  return wire;
}

absl::StatusOr<std::shared_ptr<const ServerContext>> ServerContext::Create(const ServerOptions& options,
                                                                           std::shared_ptr<TicketKeys> keys) {
  HAWSER_RETURN_IF_ERROR(Check(options));
  std::vector<Certificate> certificates;
  for (const CertificateFiles& files : options.certificates) {
    HAWSER_ASSIGN_OR_RETURN(Certificate certificate, LoadCertificate(files));
    certificates.push_back(std::move(certificate));
  }
  if (!options.tickets.enabled) {
    keys.reset();
  } else if (keys == nullptr) {
    keys = std::make_shared<TicketKeys>(options.tickets.rotation);
  }
  std::shared_ptr<ServerContext> context(new ServerContext(options, std::move(keys)));
  HAWSER_RETURN_IF_ERROR(context->AddCertificates(options, certificates));
  return context;
}

ServerContext::ServerContext(const ServerOptions& options, std::shared_ptr<TicketKeys> keys)
    : strict_sni_(options.strict_sni),
      alpn_(EncodeAlpn(options.alpn).value()),
      ticket_keys_(std::move(keys)) {}

absl::Status ServerContext::AddCertificates(const ServerOptions& options,
                                            const std::vector<Certificate>& certificates) {
  for (const Certificate& certificate : certificates) certificates_.push_back(certificate.facts);
  std::map<std::vector<size_t>, SSL_CTX*> by_set;
  const auto context_of = [&](const std::vector<size_t>& set) -> absl::StatusOr<SSL_CTX*> {
    SSL_CTX*& context = by_set[set];
    if (context != nullptr) return context;
    HAWSER_ASSIGN_OR_RETURN(ContextPtr made, MakeContext(options));
    for (const size_t i : set) {
      HAWSER_RETURN_IF_ERROR(Install(certificates[i], options.certificates[i], made.get()));
    }
    context = contexts_.emplace_back(std::move(made)).get();
    return context;
  };

  const Carriers carriers = IndexByName(certificates);
  // The default context comes first: it serves the first name of the first certificate.
  const std::vector<std::string>& first_names = certificates.front().names;
  const std::vector<size_t> fallback =
      first_names.empty() ? std::vector<size_t>{0} : Serving(certificates, carriers, first_names.front());
  HAWSER_RETURN_IF_ERROR(context_of(fallback).status());
  for (const auto& [name, list] : carriers) {
    HAWSER_ASSIGN_OR_RETURN(SSL_CTX * context, context_of(Serving(certificates, carriers, name)));
    by_name_.emplace(name, context);
  }
  return absl::OkStatus();
}

absl::StatusOr<ContextPtr> ServerContext::MakeContext(const ServerOptions& options) {
  ClearErrors();
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* native = context.get();
  if (native == nullptr)
    return absl::InternalError(fmt::format("cannot make a TLS context: {}", TakeError()));
  SSL_CTX_set_app_data(native, this);
  SSL_CTX_set_min_proto_version(native, NativeVersion(options.min_version));
  SSL_CTX_set_max_proto_version(native, NativeVersion(options.max_version));
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_set_cipher_list(native, options.ciphers.c_str()) != 1) {
    return Bad(fmt::format("cipher list '{}': {}", options.ciphers, TakeError()));
  }
  if (SSL_CTX_set_ciphersuites(native, kTls13Ciphers) != 1 ||
      SSL_CTX_set1_groups_list(native, kGroups) != 1) {
    return absl::InternalError(fmt::format("OpenSSL lacks the built-in algorithms: {}", TakeError()));
  }
  SSL_CTX_callback_ctrl(native, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&Callbacks::OnServerName));
  SSL_CTX_set_alpn_select_cb(native, &Callbacks::OnAlpn, nullptr);

  // Sessions live in the clients' tickets, or nowhere.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(native, kSessionIdContext, sizeof kSessionIdContext - 1);
  if (ticket_keys_ == nullptr) {
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(native, 0);
    return context;
  }
  SSL_CTX_set_num_tickets(native, options.tickets.count);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(native, &Callbacks::OnTicket);
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(ticket_keys_->rotation());
  SSL_CTX_set_timeout(native, std::clamp(lifetime, std::chrono::seconds(1), kLongestSession).count());
  return context;
}

SSL_CTX* ServerContext::ContextFor(std::string_view server_name) const {
  const std::string name = NormalizeName(server_name);
  // No client name is a wildcard: only certificates contain wildcards.
  if (name.starts_with('*')) return nullptr;
  for (const std::string& candidate : {name, WildcardFor(name)}) {
    if (const auto found = by_name_.find(candidate); found != by_name_.end()) return found->second;
  }
  return nullptr;
}

SslPtr ServerContext::NewSsl() const {
  SslPtr ssl(SSL_new(contexts_.front().get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace hawser::tls
