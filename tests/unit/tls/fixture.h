// What the tests of this folder share: certificates in a directory of their own, and a server stream joined
// to a peer.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/tls/self_signed.h"
#include "proxy/tls/tls_stream.h"
#include "tests/unit/tls/peer.h"

namespace hawser::tls {

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "hawser-tls-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // An ECDSA certificate whose common name is the first of `names`.
  CertificateFiles Ecdsa(const std::vector<std::string>& names) const {
    const SelfSigned pair = MakeSelfSigned(names, 30).value();
    return Save(pair.certificate, pair.private_key);
  }
  // RSA, with `alternatives` ("DNS:a,DNS:b") as OpenSSL writes them; empty: a common name alone.
  CertificateFiles Rsa(const std::string& common_name, const std::string& alternatives) const {
    const KeyPtr key(EVP_RSA_gen(2048));
    const X509Ptr certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    if (!alternatives.empty()) {
      X509_EXTENSION* extension =
          X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str());
      X509_add_ext(certificate.get(), extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    return Save(Pem([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); }), Pem([&](BIO* out) {
                  PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                }));
  }
  static std::string Pem(const std::function<void(BIO*)>& write) {
    const BioPtr memory(BIO_new(BIO_s_mem()));
    write(memory.get());
    std::string text(BIO_ctrl_pending(memory.get()), '\0');
    BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
    return text;
  }
  const std::string& path() const { return path_; }

 private:
  CertificateFiles Save(const std::string& chain, const std::string& key) const {
    const std::string number = std::to_string(count_++);
    return {Write(number + ".crt", chain), Write(number + ".key", key)};
  }

  std::string path_;
  mutable int count_ = 0;
};

// Records its events, and runs a function of the test in each.
class Recorder : public event::IoHandler {
 public:
  void OnReady(event::Ready ready) override {
    heard.push_back(ready);
    if (then) then(ready);
  }
  std::vector<event::Ready> heard;
  std::function<void(event::Ready)> then;
};

inline std::pair<net::Socket, net::Socket> UnixPair() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {net::Socket(fds[0]), net::Socket(fds[1])};
}

inline std::pair<net::Socket, net::Socket> TcpPair() {
  auto listener = net::Listen(net::SocketAddress::Parse("127.0.0.1:0").value(), {});
  auto near = net::Connect(net::LocalAddress(*listener).value());
  net::Socket far;
  while (!far.open()) far.Reset(accept4(listener->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return {std::move(far), std::move(*near)};
}

inline void ShrinkBuffers(int fd) {
  const int small = 4096;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
}

inline std::shared_ptr<const ServerContext> ContextOf(const ServerOptions& options,
                                                      std::shared_ptr<TicketKeys> keys = nullptr) {
  auto context = ServerContext::Create(options, std::move(keys));
  EXPECT_TRUE(context.ok()) << context.status();
  return context.ok() ? *context : nullptr;
}

inline std::string RandomText(size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

inline std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// A server stream and its peer on two ends of a socket.
struct Link {
  explicit Link(std::shared_ptr<const ServerContext> server_context, const PeerOptions& options = {})
      : Link(std::move(server_context), options, UnixPair()) {}
  Link(std::shared_ptr<const ServerContext> server_context, const PeerOptions& options,
       std::pair<net::Socket, net::Socket> sockets)
      : context(std::move(server_context)),
        loop(event::Loop::Create().value()),
        peer(std::move(sockets.second), options),
        server(std::make_unique<TlsStream>(*loop, pool, *context, std::move(sockets.first))) {}

  // To its end on both sides.
  HandshakeResult Shake() {
    HandshakeResult result = HandshakeResult::kWantRead;
    for (int i = 0; i < 10; ++i) {
      peer.Handshake();
      peer.Flush();
      result = server->Handshake();
      peer.Fill();
    }
    if (peer.Handshake()) peer.Read();  // the tickets
    return result;
  }
  // Until it blocks or ends, with spans of `size`.
  std::string ReadAll(size_t size = 1 << 18) {
    std::string all;
    std::vector<std::byte> into(size);
    while (true) {
      last = server->Read(into);
      all.append(reinterpret_cast<const char*>(into.data()), last.bytes);
      if (last.state != net::IoState::kOk) return all;
    }
  }
  std::string PeerReads() {
    std::string all;
    while (peer.Fill() > 0) all += peer.Read();
    return all;
  }

  std::shared_ptr<const ServerContext> context;
  std::unique_ptr<event::Loop> loop;
  net::BufferPool pool;
  Recorder recorder;
  Peer peer;
  std::unique_ptr<TlsStream> server;
  net::IoResult last;
};

}  // namespace hawser::tls
