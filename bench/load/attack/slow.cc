// A byte in each interval: of a head whose fields never end, of a body that was announced and does not come.
#include <string>

#include "bench/load/attack/families.h"
#include "bench/load/attack/slot.h"
#include "bench/load/attack/tally.h"
#include "fmt/format.h"

namespace hawser::bench::attack {
namespace {

// `at_once` when the connection stands; then `slowly`, over and over, a byte in each interval.
class Slow : public Attack {
 public:
  Slow(std::string at_once, std::string slowly) : at_once_(std::move(at_once)), slowly_(std::move(slowly)) {}

  void OnConnected(Slot& slot) override {
    if (!at_once_.empty()) slot.Send(std::as_bytes(std::span(at_once_)));
    OnInterval(slot);
  }
  void OnInterval(Slot& slot) override {
    const auto byte = std::as_bytes(std::span(slowly_)).subspan(slot.progress % slowly_.size(), 1);
    const size_t sent = slot.Send(byte);
    slot.progress += sent;
    slot.Add(Count::kUnits, sent);
  }

 private:
  const std::string at_once_;
  const std::string slowly_;
};

}  // namespace

Made SlowHeads(const AttackOptions& options) {
  return std::make_unique<Slow>(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n", options.path, options.host),
                                "X-Slow: as slow as it goes\r\n");
}

Made SlowBodies(const AttackOptions& options) {
  return std::make_unique<Slow>(fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n\r\n",
                                            options.path, options.host),
                                "x");
}

}  // namespace hawser::bench::attack
