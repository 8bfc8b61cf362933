#include "proxy/session/sessions.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/session/client_connection.h"
#include "proxy/session/http2_connection.h"
#include "proxy/session/tunnel.h"

namespace hawser::session {
namespace {

constexpr base::Duration kLookForEmpty{50};

// So that a crowd that all asks at once cannot make one eviction long.
constexpr int kReadsPerEviction = 8;

}  // namespace

Tunnel& Sessions::Add(std::unique_ptr<Tunnel> tunnel) {
  tunnels_.PushBack(*tunnel);
  const uint32_t slot = slots_.Take(*tunnel);
  tunnel->set_slot(slot);
  drains_.OnOpened(slot);
  return *tunnel.release();
}

void Sessions::OnClosing(Tunnel& tunnel) {
  HAWSER_DCHECK(tunnel.linked());
  closing_tunnels_.PushBack(tunnel);
}

void Sessions::OnClosed(Tunnel& tunnel) {
  tunnel.Unlink();
  drains_.OnGone(tunnel.slot());
  slots_.Free(tunnel.slot());
}

base::TunnelId Sessions::IdOf(const Tunnel& tunnel) const {
  return slots_.IdOf(tunnel.slot());
}

bool Sessions::IsDrained(const Tunnel& tunnel) const {
  return slots_.At(tunnel.slot()).causes != 0;
}

bool Sessions::empty() {
  return connections_.empty() && tunnels_.empty() && closing_tunnels_.empty();
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

void Sessions::DrainAll(DrainOrder order, absl::AnyInvocable<void()> on_empty) {
  HAWSER_DCHECK(!on_empty_);
  draining_ = true;
  on_empty_ = std::move(on_empty);
  connections_.LetGo({.listener = [](uint32_t) { return true; }}, order.deadline, order.reason);
  drains_.Begin(std::move(order));
  OnReady({});
}

void Sessions::OnReady(event::Ready) {
  if (!on_empty_) return;
  if (empty()) return std::exchange(on_empty_, nullptr)();
  loop_.Arm(empty_timer_, kLookForEmpty);
}

void Sessions::Abort(http::Reject reason, uint16_t code) {
  draining_ = true;
  while (Tunnel* tunnel = FirstTunnel()) tunnel->Abort(reason, code);
  connections_.Abort();
}

}  // namespace hawser::session
