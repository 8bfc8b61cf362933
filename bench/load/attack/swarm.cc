#include "bench/load/attack/swarm.h"

#include <array>

namespace hawser::bench::attack {
namespace {

// What one turn begins and acts on at most, so that answers are read meanwhile.
constexpr int kBeginsATurn = 64;
constexpr int kActsATurn = 512;

}  // namespace

Swarm::Swarm(Plan plan, Attack& attack)
    : plan_(std::move(plan)),
      attack_(attack),
      begins_(plan_.rate),
      acts_(plan_.interval > 0 ? static_cast<double>(plan_.slots) / plan_.interval : 0) {
  slots_.reserve(plan_.slots);
  for (size_t i = 0; i < plan_.slots; ++i) {
    slots_.emplace_back(*this, plan_.first_slot + i);
    Free(slots_.back());
  }
}

net::SocketAddress Swarm::SourceOf(size_t slot) const {
  const uint32_t number = plan_.first_source + static_cast<uint32_t>(slot % plan_.sources);
  const std::array<uint8_t, 4> bytes = {static_cast<uint8_t>(number >> 24),
                                        static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                                        static_cast<uint8_t>(number)};
  return {net::IpAddress::FromV4(bytes), 0};
}

void Swarm::Free(Slot& slot) {
  if (!plan_.turns_over) free_.push_back(&slot);
}

Slot* Swarm::NextSlot() {
  if (plan_.turns_over) {
    Slot& slot = slots_[next_++ % slots_.size()];
    if (!slot.free()) slot.Reset();
    return &slot;
  }
  if (free_.empty()) return nullptr;
  Slot* slot = free_.front();
  free_.pop_front();
  return slot;
}

void Swarm::BeginDue(Nanos now) {
  for (int i = 0; i < kBeginsATurn && (plan_.turns_over || !free_.empty()) && begins_.Take(now); ++i) {
    NextSlot()->Begin();
  }
}

void Swarm::ActDue(Nanos now) {
  for (int i = 0; i < kActsATurn && acts_.Take(now); ++i) {
    slots_[acting_++ % slots_.size()].Act();
  }
}

void Swarm::Run(const std::function<bool()>& stopped) {
  while (!stopped()) {
    const Nanos now = Now();
    BeginDue(now);
    ActDue(now);
    const bool begins = plan_.turns_over || !free_.empty();
    poller_.Turn(begins ? std::min(begins_.due(), acts_.due()) : acts_.due());
  }
  for (const Slot& slot : slots_) tally_[Count::kOpenAtEnd] += slot.free() ? 0 : 1;
}

}  // namespace hawser::bench::attack
