// Counts the connections that are answered with a refusal; the limit is in the configuration. Loop thread
// only.
#pragma once

#include <cstdint>

#include "proxy/base/check.h"

namespace hawser::session {

class ConnectionBudgets {
 public:
  // Connections that were not admitted and are being answered.
  uint32_t refusals() const { return refusals_; }
  void BeginRefusal() { ++refusals_; }
  void EndRefusal() {
    HAWSER_DCHECK(refusals_ > 0);
    --refusals_;
  }

 private:
  uint32_t refusals_ = 0;
};

}  // namespace hawser::session
