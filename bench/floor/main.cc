// hawser_floor: the command line of the bare relay, the reference of all ratios.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/resource.h>

#include "CLI/CLI.hpp"
#include "bench/floor/relay.h"
#include "fmt/format.h"
#include "proxy/base/status_macros.h"

namespace hawser::bench {
namespace {

struct FloorOptions {
  std::string listen = "127.0.0.1:8080";
  std::string backend = "127.0.0.1:9000";
  std::string certificate;  // with private_key: clients speak TLS
  std::string private_key;
  size_t buffer_bytes = 16 * 1024;
  bool splice = false;
};

absl::StatusOr<std::unique_ptr<SSL_CTX, Freed>> MakeContext(const FloorOptions& options) {
  std::unique_ptr<SSL_CTX, Freed> context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), options.private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return absl::InvalidArgumentError("cannot use the certificate or its key");
  }
  return context;
}

absl::Status Serve(const FloorOptions& options) {
  RelayOptions relay{.buffer_bytes = options.buffer_bytes, .splice = options.splice};
  HAWSER_ASSIGN_OR_RETURN(relay.backend, net::SocketAddress::Parse(options.backend));
  std::unique_ptr<SSL_CTX, Freed> tls;
  if (!options.certificate.empty()) {
    HAWSER_ASSIGN_OR_RETURN(tls, MakeContext(options));
  }
  relay.tls = tls.get();
  HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress address, net::SocketAddress::Parse(options.listen));
  HAWSER_ASSIGN_OR_RETURN(const net::Socket listening, net::Listen(address, {}));
  HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress bound, net::LocalAddress(listening));
  fmt::print("ready {}\n", bound.ToString());
  std::fflush(stdout);
  Relay(std::move(relay)).Run(listening);
  return absl::OkStatus();
}

}  // namespace
}  // namespace hawser::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's socket BIO writes without MSG_NOSIGNAL
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  CLI::App app("hawser_floor: a relay that parses nothing, one thread");
  hawser::bench::FloorOptions options;
  app.add_option("--listen", options.listen, "IP:PORT; port 0: any")->capture_default_str();
  app.add_option("--backend", options.backend, "IP:PORT or unix:/PATH")->capture_default_str();
  CLI::Option* certificate =
      app.add_option("--certificate", options.certificate, "PEM chain: clients speak TLS");
  app.add_option("--private-key", options.private_key)->needs(certificate);
  app.add_option("--buffer", options.buffer_bytes, "bytes read at once")->capture_default_str();
  app.add_flag("--splice", options.splice, "through pipes, without copying; not with TLS")
      ->excludes(certificate);
  CLI11_PARSE(app, argc, argv);
  const absl::Status served = hawser::bench::Serve(options);
  fmt::print(stderr, "hawser_floor: {}\n", std::string(served.message()));
  return EXIT_FAILURE;
}
