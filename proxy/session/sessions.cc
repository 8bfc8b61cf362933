#include "proxy/session/sessions.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/session/client_connection.h"
#include "proxy/session/http2_connection.h"
#include "proxy/session/tunnel.h"

namespace hawser::session {
namespace {

constexpr base::Duration kDrainStep{50};

// So that a crowd that all asks at once cannot make one eviction long.
constexpr int kReadsPerEviction = 8;

}  // namespace

ClientConnection& Sessions::Add(std::unique_ptr<ClientConnection> connection) {
  HAWSER_DCHECK(!connection->linked());
  connections_.PushBack(*connection);
  return *connection.release();
}

Http2Connection& Sessions::Add(std::unique_ptr<Http2Connection> connection) {
  http2_connections_.PushBack(*connection);
  return *connection.release();
}

Tunnel& Sessions::Add(std::unique_ptr<Tunnel> tunnel) {
  tunnels_.PushBack(*tunnel);
  return *tunnel.release();
}

void Sessions::OnClosing(Tunnel& tunnel) {
  HAWSER_DCHECK(tunnel.linked());
  closing_tunnels_.PushBack(tunnel);
}

bool Sessions::empty() {
  return connections_.empty() && http2_connections_.empty() && tunnels_.empty() && closing_tunnels_.empty();
}

Tunnel* Sessions::FirstTunnel() {
  Tunnel* const open = tunnels_.front();
  return open != nullptr ? open : closing_tunnels_.front();
}

// Visits closing tunnels first. A tunnel that begins to close during the walk then moves to the list that was
// already walked: it may be missed, but is never visited twice.
bool Sessions::VisitTunnels(size_t most, bool first, absl::FunctionRef<void(Tunnel&)> visit) {
  HAWSER_DCHECK(most > 0);
  if (first) {
    visits_closing_ = true;
    tunnels_.Rewind();
    closing_tunnels_.Rewind();
  }
  size_t left = most;
  const auto count = [&](Tunnel& tunnel) {
    --left;
    visit(tunnel);
  };
  if (visits_closing_) visits_closing_ = closing_tunnels_.Step(most, count);
  return left == 0 || tunnels_.Step(left, count);
}

// Not in a drain: it walks the lists, and closes idle connections itself.
std::optional<Evictable> Sessions::Evict(std::optional<uint32_t> listener, Unread unread, Left left) {
  for (int reads = unread == Unread::kServed ? kReadsPerEviction : 0; !draining_; --reads) {
    const EvictionPlace* next = evictions_.Next(listener, loop_.now() - Evictions::kGrace);
    const bool newcomer = next == nullptr;
    if (newcomer && left == Left::kNothing) next = evictions_.Next(listener);
    if (next == nullptr) break;
    const auto evict = [&](auto* connection) { return connection->Evict(reads > 0, newcomer); };
    if (std::visit(evict, next->owner())) return next->kind();  // destroyed at the end of the turn
    HAWSER_DCHECK(reads > 0);
  }
  return std::nullopt;
}

void Sessions::Drain(base::Duration window, absl::AnyInvocable<void()> on_empty) {
  HAWSER_DCHECK(!on_empty_);
  draining_ = true;
  connections_.ForEach([](ClientConnection& connection) { connection.Drain(); });
  http2_connections_.ForEach([](Http2Connection& connection) { connection.Drain(); });
  drain_start_ = loop_.now();
  drain_window_ = window;
  on_empty_ = std::move(on_empty);
  tunnels_.ForEach([this](Tunnel&) { ++drain_total_; });
  OnReady({.timer = true});
}

// Each step ends as many tunnels as fit the elapsed part of the window.
void Sessions::OnReady(event::Ready) {
  const auto elapsed = base::Between(drain_start_, loop_.now());
  const double part =
      drain_window_.count() == 0
          ? 1.0
          : std::min(1.0, static_cast<double>(elapsed.count()) / static_cast<double>(drain_window_.count()));
  const auto due = static_cast<size_t>(part * static_cast<double>(drain_total_));
  while (drain_ended_ < due || part >= 1.0) {
    Tunnel* tunnel = tunnels_.front();
    if (tunnel == nullptr) break;
    tunnel->End(http::Reject::kDrained);
    ++drain_ended_;
  }
  if (empty()) {
    if (on_empty_) std::exchange(on_empty_, nullptr)();
    return;
  }
  loop_.Arm(drain_timer_, kDrainStep);
}

void Sessions::Abort(http::Reject reason) {
  draining_ = true;
  while (Tunnel* tunnel = FirstTunnel()) tunnel->Abort(reason);
  while (ClientConnection* connection = connections_.front()) connection->Abort();
  while (Http2Connection* connection = http2_connections_.front()) connection->Abort();
}

}  // namespace hawser::session
