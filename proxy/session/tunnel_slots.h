// The tunnels of one worker by slot: a tunnel is found by its TunnelId in O(1), for as long as it lives. Each
// slot also says which drains its tunnel is queued in, so that no drain finds it twice. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "proxy/base/check.h"
#include "proxy/base/tunnel_id.h"

namespace hawser::session {

class Tunnel;

class TunnelSlots {
 public:
  struct Slot {
    Tunnel* tunnel = nullptr;  // null: free
    uint32_t generation = 0;   // of the tunnel, or of the last one
    uint8_t causes = 0;        // of drains, a bit each (drain_order.h)
  };

  explicit TunnelSlots(uint16_t worker) : worker_(worker) {}

  // Freed slots wait in a queue, so that one comes back as late as possible.
  uint32_t Take(Tunnel& tunnel) {
    uint32_t slot = static_cast<uint32_t>(slots_.size());
    if (free_.empty()) {
      slots_.emplace_back();
    } else {
      slot = free_.front();
      free_.pop_front();
    }
    Slot& taken = slots_[slot];
    taken.tunnel = &tunnel;
    if (++taken.generation == 0) taken.generation = 1;
    return slot;
  }
  void Free(uint32_t slot) {
    Slot& freed = At(slot);
    HAWSER_DCHECK(freed.tunnel != nullptr);
    freed.tunnel = nullptr;
    freed.causes = 0;
    free_.push_back(slot);
  }

  base::TunnelId IdOf(uint32_t slot) const {
    return {.worker = worker_, .slot = slot, .generation = slots_[slot].generation};
  }
  // Null: it has gone, or it is another worker's.
  Tunnel* Find(const base::TunnelId& id) const {
    if (id.worker != worker_ || id.slot >= slots_.size()) return nullptr;
    return slots_[id.slot].generation == id.generation ? slots_[id.slot].tunnel : nullptr;
  }

  Slot& At(uint32_t slot) {
    HAWSER_DCHECK(slot < slots_.size());
    return slots_[slot];
  }
  const Slot& At(uint32_t slot) const {
    HAWSER_DCHECK(slot < slots_.size());
    return slots_[slot];
  }
  size_t size() const { return slots_.size(); }  // those that are free included

 private:
  const uint16_t worker_;
  std::deque<Slot> slots_;
  std::deque<uint32_t> free_;
};

}  // namespace hawser::session
