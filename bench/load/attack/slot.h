// One connection of an attack after the other: connected, secured where the attack speaks TLS properly,
// handed to the attack, and free again when either side has ended it.
//
//   free → connecting → securing → attacking → free
#pragma once

#include <optional>
#include <span>

#include "bench/load/poller.h"
#include "bench/load/transport.h"

namespace hawser::bench::attack {

class Swarm;
enum class Count : uint8_t;

class Slot : public Target {
 public:
  Slot(Swarm& swarm, size_t index) : swarm_(swarm), index_(index) {}

  // The attack's own, both 0 when a connection begins.
  uint32_t stage = 0;
  size_t progress = 0;

  bool free() const { return !transport_; }
  void Begin();
  // The slot's interval has passed.
  void Act();

  // For the attack, while the connection stands. Send takes a prefix and returns its length.
  size_t Send(std::span<const std::byte> bytes);
  void AwaitRoom() { awaits_room_ = true; }
  void StopReading() { reads_ = false; }
  void Add(Count count, size_t times = 1);
  void Close();   // in order
  void Reset();   // with an RST
  void Reject();  // the answer is none that lets the attack begin

  void OnReady(uint32_t events) override;

 private:
  enum class Phase : uint8_t { kFree, kConnecting, kSecuring, kAttacking };

  void Connected();
  void Refused(int error);
  void Reached();
  void Receive();
  void UpdateInterest();
  void End(Count why);

  Swarm& swarm_;
  const size_t index_;
  std::optional<Transport> transport_;
  uint32_t interest_ = 0;
  Phase phase_ = Phase::kFree;
  bool awaits_room_ = false;
  bool reads_ = true;
};

}  // namespace hawser::bench::attack
