#include "proxy/cluster/transport.h"

#include "proxy/base/status_macros.h"

namespace hawser::cluster {

absl::StatusOr<std::shared_ptr<const Transport>> MakeTransport(const config::Cluster& settings) {
  auto transport = std::make_shared<Transport>(Transport{.protocol = settings.protocol});
  if (!settings.tls) return transport;
  const config::BackendTls& from = *settings.tls;
  tls::ClientOptions options{.verify = from.verify, .ca_file = from.ca_file.value_or("")};
  options.alpn = {"http/1.1"};
  options.min_version =
      from.min_version == config::TlsVersion::kTls12 ? tls::Version::kTls12 : tls::Version::kTls13;
  if (from.certificate)
    options.certificate = {.chain = *from.certificate, .key = from.private_key.value_or("")};
  HAWSER_ASSIGN_OR_RETURN(transport->http1, tls::ClientContext::Create(options));
  if (settings.protocol == config::BackendProtocol::kHttp11) return transport;
  options.alpn = {"h2"};
  if (settings.protocol == config::BackendProtocol::kAuto) options.alpn.push_back("http/1.1");
  HAWSER_ASSIGN_OR_RETURN(transport->any, tls::ClientContext::Create(options));
  return transport;
}

}  // namespace hawser::cluster
