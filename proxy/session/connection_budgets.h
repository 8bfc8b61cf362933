// Counts the costs of connections without a request: TLS handshake steps per listener and turn of the loop,
// and connections that are answered with a refusal. The limits are in the configuration. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/check.h"

namespace hawser::session {

class ConnectionBudgets {
 public:
  // False: the listener has had its `most` steps of this turn.
  bool TakeHandshakeStep(uint64_t turn, size_t listener, uint32_t most) {
    if (turn_ != turn) {
      turn_ = turn;
      handshake_steps_.clear();
    }
    if (handshake_steps_.size() <= listener) handshake_steps_.resize(listener + 1);
    uint32_t& taken = handshake_steps_[listener];
    if (taken == most) return false;
    ++taken;
    return true;
  }

  // Connections that were not admitted and are being answered.
  uint32_t refusals() const { return refusals_; }
  void BeginRefusal() { ++refusals_; }
  void EndRefusal() {
    HAWSER_DCHECK(refusals_ > 0);
    --refusals_;
  }

 private:
  uint64_t turn_ = 0;
  std::vector<uint32_t> handshake_steps_;  // of turn_, by listener
  uint32_t refusals_ = 0;
};

}  // namespace hawser::session
