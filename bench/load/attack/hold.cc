#include "bench/load/attack/families.h"
#include "bench/load/attack/slot.h"

namespace hawser::bench::attack {
namespace {

class Holding : public Attack {
 public:
  void OnConnected(Slot&) override {}
};

class Closing : public Attack {
 public:
  void OnConnected(Slot& slot) override { slot.Close(); }
};

class Resetting : public Attack {
 public:
  void OnConnected(Slot& slot) override { slot.Reset(); }
};

}  // namespace

Made Hold(const AttackOptions&) {
  return std::make_unique<Holding>();
}

Made ConnectAndClose(const AttackOptions&) {
  return std::make_unique<Closing>();
}

Made ConnectAndReset(const AttackOptions&) {
  return std::make_unique<Resetting>();
}

}  // namespace hawser::bench::attack
