// A number of clients that open together (a few at a time), and close together at the end of a run. The modes
// derive from it and say what an open connection does.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/load/client.h"
#include "bench/load/options.h"
#include "bench/load/report.h"

namespace hawser::bench {

inline constexpr Nanos kPatience = 10 * kSecond;  // without any progress; then a step has failed

absl::StatusOr<std::unique_ptr<Engine>> MakeEngine(const Options& options);

class Fleet : public ClientObserver {
 public:
  // Clients are numbered from `first`, which picks their source addresses.
  Fleet(Engine& engine, const Options& options, size_t count, size_t first = 0);

  // Opens every client; false when one failed or patience ended.
  bool OpenAll();
  // Ends every client with a close handshake; those that do not end count as failures.
  void CloseAll();

  size_t open() const { return open_; }
  Failures& failures() { return failures_; }
  std::vector<std::unique_ptr<Client>>& clients() { return clients_; }

  void OnOpen(Client& client) override;
  void OnMessage(Client& client) override = 0;
  void OnClosed(Client& client, std::string_view failure) override;

 protected:
  Engine& engine() { return engine_; }

  // Turns the poller until done() or until count() has not changed for kPatience.
  template <typename Done, typename Count>
  void TurnUntil(Done done, Count count) {
    Nanos deadline = Now() + kPatience;
    while (!done() && Now() < deadline) {
      const auto before = count();
      engine_.poller.Turn(deadline);
      if (count() != before) deadline = Now() + kPatience;
    }
  }

 private:
  void OpenMore();

  Engine& engine_;
  const size_t opening_limit_;
  std::vector<std::unique_ptr<Client>> clients_;
  size_t begun_ = 0;  // clients whose Open was called
  size_t opening_ = 0;
  size_t open_ = 0;
  Failures failures_;
};

}  // namespace hawser::bench
