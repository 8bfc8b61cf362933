#include "proxy/server/bindings.h"

#include <algorithm>
#include <utility>

#include "proxy/base/status_macros.h"

namespace hawser::server {
namespace {

// Finds clients that have gone without a word, also those that have ended their direction and wait for an
// answer. Accepted sockets inherit it from the listening one (tcp(7)), so it costs no call per connection.
constexpr net::TcpKeepalive kClientKeepalive{.idle = 120, .interval = 30, .probes = 4};

// Whether the sockets of `old` serve what is wanted.
bool Serves(const Binding& old, const Wanted& wanted) {
  if (old.wanted.for_admin() != wanted.for_admin()) return false;
  const bool any_port = !wanted.address.unix_socket() && wanted.address.port() == 0;
  if (!any_port) return old.bound == wanted.address;
  return old.wanted.address == wanted.address && old.wanted.listener == wanted.listener;
}

// "[::]" takes IPv4 as well.
bool Overlap(const net::SocketAddress& a, const net::SocketAddress& b) {
  if (a.unix_socket() || b.unix_socket() || a.port() != b.port()) return false;
  return a.ip() == b.ip() || a.ip().unspecified() || b.ip().unspecified();
}

struct Kept {
  std::vector<const Binding*> bindings;  // by what is wanted; null: none serves it
  std::vector<const Binding*> gone;      // those of before that serve nothing any more
};

Kept FindKept(std::span<const Wanted> wanted, std::span<const Binding> before) {
  Kept kept;
  for (const Binding& old : before) kept.gone.push_back(&old);
  for (const Wanted& next : wanted) {
    const auto found =
        std::ranges::find_if(kept.gone, [&](const Binding* old) { return Serves(*old, next); });
    kept.bindings.push_back(found == kept.gone.end() ? nullptr : *found);
    if (found != kept.gone.end()) kept.gone.erase(found);
  }
  return kept;
}

// A Unix socket cannot be bound twice: the threads share it by duplicates.
absl::Status BindFile(Binding& binding) {
  const Wanted& wanted = binding.wanted;
  HAWSER_ASSIGN_OR_RETURN(net::Socket first, net::Bind(wanted.address, {.mode = wanted.mode}));
  binding.bound = wanted.address;
  binding.sockets.push_back(std::move(first));
  while (binding.sockets.size() < wanted.sockets) {
    HAWSER_ASSIGN_OR_RETURN(net::Socket copy, net::Duplicate(binding.sockets.front()));
    binding.sockets.push_back(std::move(copy));
  }
  return absl::OkStatus();
}

// One socket for each thread. With SO_REUSEPORT a second process could bind the same port unnoticed, so the
// address is first taken once without it; not where one of our own sockets has it still, which shows that
// nobody else does.
absl::Status BindPort(Binding& binding, bool ours) {
  const Wanted& wanted = binding.wanted;
  binding.bound = wanted.address;
  if (!ours) {
    HAWSER_ASSIGN_OR_RETURN(const net::Socket probe, net::Listen(wanted.address, {.reuse_port = false}));
    HAWSER_ASSIGN_OR_RETURN(binding.bound, net::LocalAddress(probe));
  }
  const net::SocketAddress address(wanted.address.ip(), binding.bound.port());
  for (size_t i = 0; i < wanted.sockets; ++i) {
    HAWSER_ASSIGN_OR_RETURN(net::Socket socket, net::Bind(address, {.reuse_port = true}));
    net::KeepAlive(socket, kClientKeepalive);
    binding.sockets.push_back(std::move(socket));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<Binding> Bind(std::vector<Wanted> wanted, std::span<const Binding> before, BindFailed failed) {
  const Kept kept = FindKept(wanted, before);
  const auto ours = [&](const net::SocketAddress& address) {
    return std::ranges::any_of(kept.gone, [&](const Binding* old) { return Overlap(old->bound, address); });
  };
  std::vector<Binding> bindings;
  for (size_t i = 0; i < wanted.size(); ++i) {
    Binding& binding = bindings.emplace_back(Binding{.wanted = std::move(wanted[i])});
    if (kept.bindings[i] != nullptr) {
      binding.bound = kept.bindings[i]->bound;
      continue;
    }
    const net::SocketAddress& address = binding.wanted.address;
    const absl::Status status =
        address.unix_socket() ? BindFile(binding) : BindPort(binding, address.port() != 0 && ours(address));
    if (!status.ok()) failed(i, status);
  }
  return bindings;
}

void BeginListening(std::span<Binding> bindings, std::span<const Binding> before, BindFailed failed) {
  bool listens = true;
  const auto check = [&](size_t i, const absl::Status& status) {
    if (status.ok()) return;
    listens = false;
    failed(i, status);
  };
  for (size_t i = 0; i < bindings.size(); ++i) {
    for (const net::Socket& socket : bindings[i].sockets) {
      check(i, net::BeginListening(socket, bindings[i].bound, net::ListenOptions().backlog));
    }
  }
  for (size_t i = 0; listens && i < bindings.size(); ++i) {
    const auto other_mode = [&](const Binding& old) {
      return old.bound == bindings[i].bound && old.wanted.mode != bindings[i].wanted.mode;
    };
    if (!bindings[i].sockets.empty() || std::ranges::none_of(before, other_mode)) continue;
    check(i, net::SetMode(bindings[i].bound, bindings[i].wanted.mode));
  }
}

void GiveUp(std::vector<Binding> bindings) {
  for (const Binding& binding : bindings) {
    if (!binding.sockets.empty()) net::RemoveFile(binding.bound);
  }
}

std::vector<net::SocketAddress> Gone(std::span<const Binding> before, std::span<const Binding> now) {
  std::vector<net::SocketAddress> gone;
  for (const Binding& old : before) {
    const auto same = [&](const Binding& binding) { return binding.bound == old.bound; };
    if (std::ranges::none_of(now, same)) gone.push_back(old.bound);
  }
  return gone;
}

}  // namespace hawser::server
