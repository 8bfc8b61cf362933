#include "config/tls.h"

#include "config/describe.h"

namespace hawser::config {

template <>
struct Names<TlsVersion> {
  static constexpr Name<TlsVersion> kTable[] = {{"TLSv1.2", TlsVersion::kTls12},
                                                {"TLSv1.3", TlsVersion::kTls13}};
};

void Describe(Description& d, const Certificate& certificate) {
  d.Field(
      {"certificate", "PEM file with the certificate and the chain behind it, leaf first.", {}, kRequired},
      certificate.certificate, {Form::kFile});
  d.Field({"private_key", "PEM file with the private key of that certificate, not encrypted.", {}, kRequired},
          certificate.private_key, {Form::kFile});
}

void Describe(Description& d, const SessionTickets& tickets) {
  d.Field({"enabled",
           "Lets clients resume a TLS session with a ticket, without a full handshake. hawser stores nothing "
           "for them."},
          tickets.enabled);
  d.Field({"count",
           "How many TLS 1.3 tickets are sent after a full handshake. Each costs about a tenth of the "
           "handshake. `0`: none."},
          tickets.count, {0, 16});
  d.Field({"rotation", "How often a new ticket key is made. The old key is accepted for as long again."},
          tickets.rotation, {1s, 84h});
}

void Describe(Description& d, const Tls& tls) {
  d.Field({"certificates",
           "The certificates. The name that the client asks for (SNI) chooses one: exact names first, then "
           "wildcards. The first entry is the default for all other names.",
           {},
           kRequired},
          tls.certificates, {.min_items = 1});
  d.Field({"min_version", "The oldest TLS version that hawser speaks."}, tls.min_version);
  d.Field({"max_version", "The newest TLS version that hawser speaks. Not below `min_version`."},
          tls.max_version);
  d.Field({"ciphers", "TLS 1.2 ciphers, best first, as OpenSSL writes them. It does not apply to TLS 1.3.",
           "forward-secret AEAD ciphers"},
          tls.ciphers);
  d.Field({"strict_sni",
           "Refuse a handshake that names no host, or a host that no certificate carries, instead of "
           "answering with the default certificate."},
          tls.strict_sni);
  d.Field({"session_tickets", "Resumption of earlier TLS sessions."}, tls.session_tickets);
}

void Describe(Description& d, const BackendTls& tls) {
  d.Field({"verify",
           "Whether the backend's certificate must be signed by a known authority and carry the right name. "
           "With `false`, anyone between hawser and the backend can read and change everything."},
          tls.verify);
  d.Field({"ca_file", "PEM file with the authorities to trust.", "the system's authorities"}, tls.ca_file,
          {{Form::kFile}});
  d.Field({"server_name", "Name that the backend's certificate must carry. It is also sent as SNI.",
           "the endpoint's host name; without one its address, no SNI"},
          tls.server_name, {{Form::kHost}});
  d.Field({"certificate", "PEM file with hawser's own certificate, for backends that ask for one.", "none"},
          tls.certificate, {{Form::kFile}});
  d.Field({"private_key", "PEM file with the key of `certificate`.", "none"}, tls.private_key,
          {{Form::kFile}});
  d.Field({"min_version", "The oldest TLS version that hawser speaks."}, tls.min_version);
}

}  // namespace hawser::config
