#include "proxy/session/connections.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/session/client_connection.h"
#include "proxy/session/http2_connection.h"

namespace hawser::session {
namespace {

// In one turn. Letting go of one costs a read and a close.
constexpr size_t kPerTurn = 64;

}  // namespace

Connections::~Connections() {
  loop_.CancelSoon(*this, kMoreTag);
}

ClientConnection& Connections::Add(std::unique_ptr<ClientConnection> connection) {
  HAWSER_DCHECK(!connection->linked());
  http1_.PushBack(*connection);
  return *connection.release();
}

Http2Connection& Connections::Add(std::unique_ptr<Http2Connection> connection) {
  http2_.PushBack(*connection);
  return *connection.release();
}

bool Connections::empty() {
  return http1_.empty() && http2_.empty();
}

void Connections::LetGo(Gone gone, base::Duration deadline, http::Reject reason) {
  HAWSER_DCHECK(reason != http::Reject::kNone);
  const auto shared = std::make_shared<const Gone>(std::move(gone));
  if (deadline < base::Duration::max()) {
    due_.push_back({.at = loop_.now() + deadline, .walk = {.gone = shared, .cut = reason}});
    ArmTimer();
  }
  Begin({.gone = shared});
}

void Connections::Begin(Walk walk) {
  walks_.push_back(std::move(walk));
  if (walks_.size() == 1) Step();
}

void Connections::OnReady(event::Ready ready) {
  if (!ready.timer) return Step();
  const auto is_due = [now = loop_.now()](const Due& due) { return now >= due.at; };
  const auto first = std::stable_partition(due_.begin(), due_.end(), std::not_fn(is_due));
  std::vector<Due> over(std::make_move_iterator(first), std::make_move_iterator(due_.end()));
  due_.erase(first, due_.end());
  for (Due& due : over) Begin(std::move(due.walk));
  ArmTimer();
}

// HTTP/1.1 first: a connection that becomes one of HTTP/2 meanwhile is then met there.
void Connections::Step() {
  if (walks_.empty()) return;
  const Walk walk = walks_.front();
  const auto visit = [&walk](auto& connection) { Visit(walk, connection); };
  const bool more = in_http2_ ? http2_.Step(kPerTurn, visit) : http1_.Step(kPerTurn, visit);
  if (!more && std::exchange(in_http2_, !in_http2_)) walks_.pop_front();
  if (!walks_.empty()) loop_.Soon(*this, {.tag = kMoreTag});
}

template <typename Connection>
void Connections::Visit(const Walk& walk, Connection& connection) {
  const bool cut = walk.cut != http::Reject::kNone;
  if (walk.gone->listener(connection.listener_id())) {
    cut ? connection.Cut(walk.cut) : connection.Drain();
  } else if (cut && walk.gone->route != nullptr) {
    connection.CutRequests(walk.gone->route, walk.cut);
  }
}

void Connections::ArmTimer() {
  if (due_.empty()) return timer_.Cancel();
  const auto next = std::min_element(due_.begin(), due_.end(),
                                     [](const Due& one, const Due& other) { return one.at < other.at; });
  loop_.Arm(timer_, base::Between(loop_.now(), next->at));
}

void Connections::Abort() {
  while (ClientConnection* connection = http1_.front()) connection->Abort();
  while (Http2Connection* connection = http2_.front()) connection->Abort();
}

}  // namespace hawser::session
