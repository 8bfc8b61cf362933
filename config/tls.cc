#include "config/tls.h"

#include <string>

#include "config/certificate_check.h"
#include "config/checks.h"
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

namespace {

void CheckPair(const std::string& certificate, const std::string& private_key, const Checks& checks) {
  if (!checks.files || !checks.Given(certificate) || !checks.Given(private_key)) return;
  const CertificateFaults faults = CheckCertificate({certificate, private_key});
  if (!faults.certificate.empty())
    checks.Error(certificate, faults.certificate, "expected a PEM certificate");
  if (!faults.private_key.empty())
    checks.Error(private_key, faults.private_key, "expected its PEM private key");
  for (const std::string& fault : faults.dates) checks.Warn(certificate, fault);
  for (const std::string& fault : faults.links) {
    checks.Warn(certificate, fault, "expected each certificate to be signed by the one behind it");
  }
}

}  // namespace

void CheckTls(const Tls& tls, const Checks& checks) {
  if (tls.min_version > tls.max_version) {
    const bool max_given = checks.Given(tls.max_version);
    const std::string what = "min_version is above max_version";
    max_given ? checks.Error(tls.max_version, what) : checks.Error(tls.min_version, what);
  }
  if (!tls.ciphers.empty() && !CiphersKnown(tls.ciphers)) {
    checks.Error(tls.ciphers, Quote(tls.ciphers) + " names no cipher",
                 "expected a TLS 1.2 cipher list of OpenSSL");
  }
  for (const Certificate& pair : tls.certificates) CheckPair(pair.certificate, pair.private_key, checks);
}

void CheckBackendTls(const BackendTls& tls, const Checks& checks) {
  if (!checks.Sound(tls)) return;
  if (tls.certificate.has_value() != tls.private_key.has_value()) {
    const auto& given = tls.certificate ? tls.certificate : tls.private_key;
    checks.Error(*given, "certificate and private_key go together", "expected both or none");
  } else if (tls.certificate) {
    CheckPair(*tls.certificate, *tls.private_key, checks);
  }
  if (!tls.ca_file || !checks.files || !checks.Given(*tls.ca_file)) return;
  const CertificateFaults faults = CheckAuthorities(*tls.ca_file);
  if (!faults.certificate.empty())
    checks.Error(*tls.ca_file, faults.certificate, "expected PEM certificates");
  for (const std::string& fault : faults.dates) checks.Warn(*tls.ca_file, fault);
  if (!tls.verify) checks.Warn(*tls.ca_file, "has no effect where verify is false");
}

}  // namespace hawser::config
