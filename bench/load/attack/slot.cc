#include "bench/load/attack/slot.h"

#include <cerrno>

#include <netinet/in.h>

#include "bench/load/attack/attack.h"
#include "bench/load/attack/swarm.h"
#include "bench/load/dial.h"

namespace hawser::bench::attack {
namespace {

// On loopback a connection mostly stands when connect(2) has returned: a turn less for it.
bool Stands(int fd) {
  sockaddr_storage peer;
  socklen_t length = sizeof peer;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

int PendingError(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

}  // namespace

void Slot::Begin() {
  stage = 0;
  progress = 0;
  awaits_room_ = false;
  reads_ = true;
  Add(Count::kAttempts);
  const net::SocketAddress source = swarm_.SourceOf(index_);
  net::Socket socket = Dial(swarm_.plan().target, &source);
  if (!socket.open()) return Refused(errno);
  transport_.emplace(swarm_.scratch(), std::move(socket), swarm_.plan().tls.get(), swarm_.plan().host);
  phase_ = Phase::kConnecting;
  const bool stands = Stands(transport_->fd());
  interest_ = EPOLLIN | (stands ? 0 : uint32_t{EPOLLOUT});
  swarm_.poller().Add(transport_->fd(), *this, interest_);
  if (stands) Connected();
  UpdateInterest();
}

void Slot::Act() {
  if (phase_ != Phase::kAttacking) return;
  swarm_.attack().OnInterval(*this);
  UpdateInterest();
}

void Slot::OnReady(uint32_t events) {
  const bool dead = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (phase_ == Phase::kConnecting) {
    const int error = dead ? PendingError(transport_->fd()) : 0;
    if (error != 0 && error != ECONNRESET) return Refused(error);
    Connected();
  } else if (!dead && (events & EPOLLOUT) != 0) {
    transport_->Flush();
    if (phase_ == Phase::kAttacking && awaits_room_ && !transport_->blocked())
      swarm_.attack().OnWritable(*this);
  }
  if (transport_ && dead) return End(Count::kReset);
  if (transport_ && (events & (EPOLLIN | EPOLLRDHUP)) != 0) Receive();
  UpdateInterest();
}

void Slot::Connected() {
  Add(Count::kOpened);
  phase_ = Phase::kSecuring;
  transport_->Start();
  if (transport_->secured()) Reached();
}

void Slot::Refused(int error) {
  const bool theirs = error == ECONNREFUSED || error == ETIMEDOUT;
  End(theirs ? Count::kRefused : Count::kErrors);
}

void Slot::Reached() {
  phase_ = Phase::kAttacking;
  Add(Count::kReached);
  swarm_.attack().OnConnected(*this);
}

void Slot::Receive() {
  const Transport::Received received = transport_->Receive();
  Add(Count::kBytesReceived, received.bytes.size());
  if (phase_ == Phase::kSecuring && transport_->secured()) Reached();
  if (transport_ && phase_ == Phase::kAttacking && !received.bytes.empty()) {
    swarm_.attack().OnReceived(*this, received.bytes);
  }
  if (transport_ && received.ended) End(Count::kClosed);
}

// Who does not read still wants to know the end.
void Slot::UpdateInterest() {
  if (!transport_ || phase_ == Phase::kConnecting) return;
  const uint32_t wanted = (reads_ ? uint32_t{EPOLLIN} : uint32_t{EPOLLRDHUP}) |
                          (awaits_room_ || transport_->blocked() ? uint32_t{EPOLLOUT} : 0);
  if (wanted == interest_) return;
  interest_ = wanted;
  swarm_.poller().Modify(transport_->fd(), *this, wanted);
}

size_t Slot::Send(std::span<const std::byte> bytes) {
  const size_t sent = transport_->Send(bytes);
  Add(Count::kBytesSent, sent);
  return sent;
}

void Slot::Close() {
  transport_->Finish();
  End(Count::kAbandoned);
}

void Slot::Reset() {
  constexpr linger kAtOnce = {.l_onoff = 1, .l_linger = 0};
  setsockopt(transport_->fd(), SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof kAtOnce);
  End(Count::kAbandoned);
}

void Slot::Reject() {
  End(Count::kRejected);
}

void Slot::Add(Count count, size_t times) {
  swarm_.tally()[count] += times;
}

void Slot::End(Count why) {
  Add(why);
  transport_.reset();
  phase_ = Phase::kFree;
  swarm_.Free(*this);
}

}  // namespace hawser::bench::attack
