// One process's connections of an attack. It begins them at the plan's rate, each slot from an address of its
// own as far as there are enough, lets the attack act on each once in an interval, and replaces what has
// ended.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/attack/attack.h"
#include "bench/load/attack/pacer.h"
#include "bench/load/attack/slot.h"
#include "bench/load/attack/tally.h"
#include "bench/load/poller.h"
#include "bench/load/transport.h"
#include "proxy/net/address.h"

namespace hawser::bench::attack {

struct Plan {
  net::SocketAddress target;
  std::string host;
  std::unique_ptr<TlsContext> tls;  // null: the attack's bytes go to the socket as they are
  uint32_t first_source = 0;        // an IPv4 address, in host order
  size_t sources = 1;
  size_t first_slot = 0;    // of all processes' slots
  size_t slots = 1;         // the most connections at once
  double rate = 1;          // connections begun, a second
  double interval = 0;      // seconds between two calls of OnInterval for a connection; 0: none
  bool turns_over = false;  // where all slots are taken, the oldest connection makes room
};

class Swarm {
 public:
  Swarm(Plan plan, Attack& attack);

  // Attacks until stopped().
  void Run(const std::function<bool()>& stopped);

  const Plan& plan() const { return plan_; }
  Attack& attack() { return attack_; }
  Poller& poller() { return poller_; }
  Scratch& scratch() { return scratch_; }
  Tally& tally() { return tally_; }

  net::SocketAddress SourceOf(size_t slot) const;
  // The slot's connection has ended.
  void Free(Slot& slot);

 private:
  void BeginDue(Nanos now);
  Slot* NextSlot();
  void ActDue(Nanos now);

  const Plan plan_;
  Attack& attack_;
  Poller poller_;
  Scratch scratch_;
  Tally tally_;
  std::vector<Slot> slots_;
  std::deque<Slot*> free_;  // the one that is free for longest first; not kept where slots turn over
  size_t next_ = 0;         // slot that begins next, where slots turn over
  size_t acting_ = 0;       // slot whose interval ends next
  Pacer begins_;
  Pacer acts_;
};

}  // namespace hawser::bench::attack
