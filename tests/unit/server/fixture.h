// What the tests of listeners and workers share: a snapshot of a configuration, and clients with real
// sockets. Nothing moves by itself: the test turns the loop and steps its clock. On one machine, sent bytes
// have arrived when send(2) returns.
#pragma once

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "config/load.h"
#include "gtest/gtest.h"
#include "proxy/net/socket.h"
#include "proxy/server/build_snapshot.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::server {

inline std::shared_ptr<const session::Snapshot> SnapshotOf(const std::string& yaml) {
  static Registries registries;
  config::Loaded loaded = config::LoadText(yaml, "test.yaml");
  for (const config::Diagnostic& error : loaded.errors) ADD_FAILURE() << config::Render(error);
  StartErrors errors;
  std::vector<net::SocketAddress> bound;
  if (loaded.ok()) {
    for (const config::Listener& listener : loaded.config->listeners) bound.push_back(listener.address);
  }
  auto snapshot = loaded.ok() ? BuildSnapshot(loaded, registries, bound, nullptr, errors) : nullptr;
  EXPECT_TRUE(errors.empty());
  return snapshot;
}

// One listener, "main", with these limits, and one route: /up is answered 200 "up\n".
inline std::string AnswersUp(const std::string& listener = "", const std::string& top = "") {
  return top + "\nlisteners: [ { name: main, address: 127.0.0.1:0" +
         (listener.empty() ? "" : ", " + listener) +
         " } ]\nroutes: [ { match: { path: /up }, direct_response: { status: 200, body: \"up\\n\" } } ]\n";
}

inline const std::string kGetUp = "GET /up HTTP/1.1\r\nHost: a\r\n\r\n";

struct Listening {
  net::Socket socket;
  net::SocketAddress address;
};

inline Listening ListenAnywhere() {
  net::Socket socket =
      net::Listen(net::SocketAddress::Parse("127.0.0.1:0").value(), {.reuse_port = true}).value();
  net::SocketAddress address = net::LocalAddress(socket).value();
  return {std::move(socket), std::move(address)};
}

class Peer {
 public:
  explicit Peer(const net::SocketAddress& to) : Peer(net::Connect(to).value()) {}
  explicit Peer(net::Socket socket) : socket_(std::move(socket)) {}

  void Send(std::string_view text) {
    EXPECT_EQ(send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // As much as the kernel takes now.
  size_t SendSome(std::string_view text) {
    return static_cast<size_t>(
        std::max<ssize_t>(send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL), 0));
  }
  void End() { shutdown(socket_.fd(), SHUT_WR); }
  void Close() { socket_.Reset(); }

  // All that has come so far.
  const std::string& Heard() {
    char piece[4096];
    while (true) {
      const ssize_t got = recv(socket_.fd(), piece, sizeof piece, MSG_DONTWAIT);
      ended_ |= got == 0 || (got < 0 && errno != EAGAIN);
      if (got <= 0) return heard_;
      heard_.append(piece, static_cast<size_t>(got));
    }
  }
  std::string Take() {
    Heard();
    return std::exchange(heard_, {});
  }
  // Ended by the other side, in order or not.
  bool ended() {
    Heard();
    return ended_;
  }

 private:
  net::Socket socket_;
  std::string heard_;
  bool ended_ = false;
};

inline stats::Totals TotalsOf(const stats::WorkerStats& stats) {
  stats::Totals totals;
  stats.AddTo(totals);
  return totals;
}

}  // namespace hawser::server
