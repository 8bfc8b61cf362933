// A WebSocket backend in a process of its own, which a test kills, starts again on the same port, and tells
// how to behave. It echoes messages, answers pings and closes, and writes down when each handshake came.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/integration/harness/deadline.h"

namespace hawser::integration {

// How a backend answers. A change holds for what comes from then on.
enum class Manner : uint8_t {
  kWell,
  kSilent,          // takes connections, reads, and never answers
  kResetsTunnels,   // answers 101 and resets the connection
  kRefuses,         // answers 503 to everything
  kDeadWebSockets,  // answers plain requests with 200, and no handshake
};

class BackendProcess {
 public:
  // Runs when this returns. Port 0 is chosen by the kernel.
  explicit BackendProcess(std::string name, const std::string& address = "127.0.0.1:0");
  ~BackendProcess() { Kill(); }
  BackendProcess(const BackendProcess&) = delete;
  BackendProcess& operator=(const BackendProcess&) = delete;

  const std::string& name() const { return name_; }  // in every 101: `X-Backend: <name>`
  const std::string& address() const { return address_; }

  // SIGKILL; returns when the process is gone, and its connections with it.
  void Kill();
  // Closes its tunnels with 1001, as a server that is rolled does, and ends.
  void Stop();
  // On the same port, after Kill or Stop.
  void Start();
  void Behave(Manner manner) { shared_->manner = manner; }

  // Of all its lives together.
  int handshakes() const { return shared_->handshakes; }
  int requests() const { return shared_->requests; }  // that are no handshakes
  int tunnels() const { return shared_->tunnels; }    // open now
  // When the handshakes' heads were complete, in this order.
  std::vector<Clock::time_point> handshake_times() const;

 private:
  static constexpr size_t kMostTimes = 1 << 16;

  // In memory that both processes see.
  struct Shared {
    std::atomic<Manner> manner = Manner::kWell;
    std::atomic<bool> stop = false;
    std::atomic<int> handshakes = 0;
    std::atomic<int> requests = 0;
    std::atomic<int> tunnels = 0;
    std::array<std::atomic<Clock::rep>, kMostTimes> times = {};
  };
  struct Unmap {
    void operator()(Shared* shared) const;
  };
  class Connection;

  void Await();
  [[noreturn]] void Run(int listener) const;
  void CountHandshake() const;

  const std::string name_;
  std::string address_;
  std::unique_ptr<Shared, Unmap> shared_;
  pid_t pid_ = -1;
};

}  // namespace hawser::integration
