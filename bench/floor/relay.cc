#include "bench/floor/relay.h"

#include <cstdlib>

namespace hawser::bench {
namespace {

// An epoll event carries its tunnel's address, whose lowest bit says which end.
uint64_t Tag(const Tunnel& tunnel, size_t side) {
  return reinterpret_cast<uintptr_t>(&tunnel) | side;
}
Tunnel& TunnelOf(uint64_t tag) {
  return *reinterpret_cast<Tunnel*>(tag & ~uint64_t{1});
}

}  // namespace

Relay::Relay(RelayOptions options)
    : options_(std::move(options)), epoll_(epoll_create1(EPOLL_CLOEXEC)), scratch_(options_.buffer_bytes) {}

void Relay::Run(const net::Socket& listening) {
  epoll_event accepting{.events = EPOLLIN, .data = {.u64 = 0}};
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, listening.fd(), &accepting) != 0) std::abort();
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll_.fd(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.u64 == 0) {
        Accept(listening);
      } else {
        OnReady(TunnelOf(event.data.u64), event.data.u64 & 1, event.events);
      }
    }
    Bury();
  }
}

// The backend's socket is still connecting when the first bytes are sent to it; should that block, they are
// held.
void Relay::Accept(const net::Socket& listening) {
  net::SocketAddress peer;
  while (true) {
    net::Socket client = net::Accept(listening, peer);
    if (!client.open()) return;
    auto backend = net::Connect(options_.backend);
    if (!backend.ok()) continue;
    tunnels_.push_back(std::make_unique<Tunnel>(Tunnel{
        .ends = {End(std::move(client), options_.tls), End(std::move(*backend), nullptr)},
        .held = {},
        .index = static_cast<uint32_t>(tunnels_.size()),
    }));
    Tunnel& tunnel = *tunnels_.back();
    for (size_t side = 0; side < 2; ++side) {
      tunnel.ends[side].interest = EPOLLIN;
      epoll_event event{.events = EPOLLIN, .data = {.u64 = Tag(tunnel, side)}};
      if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, tunnel.ends[side].fd(), &event) != 0) std::abort();
    }
  }
}

void Relay::OnReady(Tunnel& tunnel, size_t side, uint32_t events) {
  if (tunnel.dead) return;
  const size_t other = 1 - side;
  bool alive = (events & EPOLLERR) == 0;
  if (alive && (events & EPOLLOUT) != 0 && tunnel.held[other]) alive = SendHeld(tunnel, other);
  if (alive && (events & (EPOLLIN | EPOLLHUP)) != 0 && !tunnel.held[side]) alive = Move(tunnel, side);
  if (!alive) return Close(tunnel);
  UpdateInterest(tunnel, side);
  UpdateInterest(tunnel, other);
}

// Reads once from `side` and sends what came. False when either end ended.
bool Relay::Move(Tunnel& tunnel, size_t side) {
  if (options_.splice) return MoveBySplice(tunnel, side);
  do {
    if (!MoveByCopy(tunnel, side)) return false;
  } while (tunnel.ends[side].pending() && !tunnel.held[side]);
  return true;
}

bool Relay::MoveByCopy(Tunnel& tunnel, size_t side) {
  const ssize_t came = tunnel.ends[side].Read(scratch_);
  if (came < 0) return came == kBlocked;
  const std::span<const std::byte> bytes = std::span(scratch_).first(static_cast<size_t>(came));
  const ssize_t result = tunnel.ends[1 - side].Write(bytes);
  if (result == kEnded) return false;
  const size_t sent = result == kBlocked ? 0 : static_cast<size_t>(result);
  if (sent == bytes.size()) return true;
  tunnel.held[side] = std::make_unique<Held>();
  tunnel.held[side]->bytes.assign(bytes.begin() + static_cast<ptrdiff_t>(sent), bytes.end());
  return true;
}

bool Relay::MoveBySplice(Tunnel& tunnel, size_t side) {
  std::unique_ptr<Pipe> pipe = pipes_.Take();
  ssize_t result = Fill(*pipe, tunnel.ends[side].fd());
  if (result > 0) result = Empty(*pipe, tunnel.ends[1 - side].fd());
  if (pipe->held > 0) {
    tunnel.held[side] = std::make_unique<Held>();
    tunnel.held[side]->pipe = std::move(pipe);
  } else {
    pipes_.Give(std::move(pipe));
  }
  return result != kEnded;
}

// Sends more of what came from `side`. False when the other end is broken.
bool Relay::SendHeld(Tunnel& tunnel, size_t side) {
  Held& held = *tunnel.held[side];
  End& to = tunnel.ends[1 - side];
  const auto rest = std::span<const std::byte>(held.bytes).subspan(held.sent);
  const ssize_t result = held.pipe ? Empty(*held.pipe, to.fd()) : to.Write(rest);
  if (result < 0) return result == kBlocked;
  if (!held.pipe) held.sent += static_cast<size_t>(result);
  if (held.pipe ? held.pipe->held > 0 : held.sent < held.bytes.size()) return true;
  if (held.pipe) pipes_.Give(std::move(held.pipe));
  tunnel.held[side].reset();
  return true;
}

void Relay::UpdateInterest(Tunnel& tunnel, size_t side) {
  End& end = tunnel.ends[side];
  const uint32_t wanted =
      (tunnel.held[side] ? 0u : EPOLLIN) | (tunnel.held[1 - side] ? uint32_t{EPOLLOUT} : 0u);
  if (wanted == end.interest) return;
  end.interest = wanted;
  epoll_event event{.events = wanted, .data = {.u64 = Tag(tunnel, side)}};
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, end.fd(), &event) != 0) std::abort();
}

void Relay::Close(Tunnel& tunnel) {
  tunnel.dead = true;
  for (End& end : tunnel.ends) {
    end.Finish();
    if (epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, end.fd(), nullptr) != 0) std::abort();
  }
  dead_.push_back(&tunnel);
}

void Relay::Bury() {
  for (const Tunnel* tunnel : dead_) {
    const uint32_t index = tunnel->index;
    tunnels_.back()->index = index;
    std::swap(tunnels_[index], tunnels_.back());
    tunnels_.pop_back();
  }
  dead_.clear();
}

}  // namespace hawser::bench
