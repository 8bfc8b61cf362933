// Clients that mean harm, on a thread of their own: so many connections at a time, each from an address of
// its own, and whoever is thrown out comes again.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/integration/harness/wire.h"

namespace hawser::integration {

// What each of them does, connection by connection.
struct Harm {
  enum class Leaves : uint8_t {
    kNever,         // waits to be thrown out
    kAtOnce,        // when `first` is sent
    kWhenAnswered,  // when something has come
  };

  int connections = 50;
  std::string first = {};         // sent when the connection stands
  std::string again = {};         // then, over and over, as fast as it is taken
  bool after_answer = false;      // `again` begins when something has come
  bool a_byte_at_a_time = false;  // of `again`
  bool reads = true;
  Leaves leaves = Leaves::kNever;
  bool resets = false;  // leaves with an RST
};

class Attackers {
 public:
  Attackers(std::string address, Harm harm);
  ~Attackers();  // all of them leave
  Attackers(const Attackers&) = delete;
  Attackers& operator=(const Attackers&) = delete;

 private:
  struct Attacker {
    Wire wire;
    bool answered = false;
    size_t sent = 0;  // of `again`
  };

  void Run();
  void Begin(size_t index);
  short Awaits(const Attacker& attacker) const;
  void Serve(Attacker& attacker, short ready);
  // False at the end.
  bool Read(Attacker& attacker);
  void Leave(Attacker& attacker);

  const std::string address_;
  const Harm harm_;
  std::vector<Attacker> attackers_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace hawser::integration
