#include "tests/integration/harness/attackers.h"

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace hawser::integration {
namespace {

constexpr int kBeginsATurn = 8;
constexpr int kTurnMs = 2;

}  // namespace

Attackers::Attackers(std::string address, Harm harm)
    : address_(std::move(address)),
      harm_(std::move(harm)),
      attackers_(static_cast<size_t>(harm_.connections)),
      thread_([this] { Run(); }) {}

Attackers::~Attackers() {
  stop_ = true;
  thread_.join();
}

// Few begin in a turn, so that nobody is kept from the processor by connections that are refused at once.
void Attackers::Run() {
  std::vector<pollfd> polled(attackers_.size());
  while (!stop_) {
    int begun = 0;
    for (size_t i = 0; i < attackers_.size() && begun < kBeginsATurn; ++i) {
      if (attackers_[i].wire.open()) continue;
      Begin(i);
      ++begun;
    }
    for (size_t i = 0; i < attackers_.size(); ++i) {
      const Attacker& attacker = attackers_[i];
      polled[i] = {
          .fd = attacker.wire.open() ? attacker.wire.fd() : -1, .events = Awaits(attacker), .revents = 0};
    }
    poll(polled.data(), polled.size(), kTurnMs);
    for (size_t i = 0; i < attackers_.size(); ++i) {
      if (polled[i].revents != 0) Serve(attackers_[i], polled[i].revents);
    }
  }
}

void Attackers::Begin(size_t index) {
  Attacker& attacker = attackers_[index];
  attacker = {.wire = Wire::Connect(address_, {.from = fmt::format("127.64.0.{}", 1 + index % 250)})};
  if (!attacker.wire.open()) return;
  if (!harm_.first.empty()) attacker.wire.SendSome(harm_.first);
  if (harm_.leaves == Harm::Leaves::kAtOnce) Leave(attacker);
}

short Attackers::Awaits(const Attacker& attacker) const {
  const bool sends = !harm_.again.empty() && (attacker.answered || !harm_.after_answer);
  const bool reads = harm_.reads || !attacker.answered;
  return static_cast<short>((reads ? POLLIN : 0) | (sends ? POLLOUT : 0));
}

void Attackers::Serve(Attacker& attacker, short ready) {
  const bool dead = (ready & (POLLERR | POLLHUP)) != 0;
  if (dead || ((ready & POLLIN) != 0 && !Read(attacker))) return attacker.wire.Close();
  if (attacker.answered && harm_.leaves == Harm::Leaves::kWhenAnswered) return Leave(attacker);
  if ((ready & POLLOUT) == 0) return;
  const std::string_view rest = std::string_view(harm_.again).substr(attacker.sent);
  attacker.sent += attacker.wire.SendSome(harm_.a_byte_at_a_time ? rest.substr(0, 1) : rest);
  attacker.sent %= harm_.again.size();
}

bool Attackers::Read(Attacker& attacker) {
  char dropped[65536];
  const ssize_t count = recv(attacker.wire.fd(), dropped, sizeof dropped, MSG_DONTWAIT);
  attacker.answered = attacker.answered || count > 0;
  return count > 0 || (count < 0 && errno == EAGAIN);
}

void Attackers::Leave(Attacker& attacker) {
  if (harm_.resets) return attacker.wire.Reset();
  attacker.wire.Close();
}

}  // namespace hawser::integration
