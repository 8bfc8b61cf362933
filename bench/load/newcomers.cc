// The mode `newcomers`: a fixed rate of visits, each of them a connection, its handshakes, one message, its
// echo, and the close. The latency is that from the scheduled instant to the echo; a visit without an echo
// within --deadline seconds is missed. Each visitor has an address of its own for so long.
#include <cmath>

#include "bench/load/fleet.h"
#include "bench/load/marks.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

class NewcomersRun : public ClientObserver {
 public:
  NewcomersRun(Engine& engine, const Options& options);

  int Run();
  void OnOpen(Client& client) override { client.Queue(1); }
  void OnMessage(Client& client) override;
  void OnClosed(Client& client, std::string_view failure) override;

 private:
  struct Visit {
    Nanos due = 0;
    size_t window = 0;
    bool waiting = false;  // neither served nor missed
  };

  Nanos Due(uint64_t number) const;
  void BeginDue();
  void EndOverdue();

  Engine& engine_;
  const Options& options_;
  Marks marks_;
  std::vector<std::unique_ptr<Client>> clients_;  // visit N is made by client N % size
  std::vector<Visit> visits_;                     // of each client
  Nanos start_ = 0;
  uint64_t begun_ = 0;
  uint64_t ended_ = 0;  // visits whose deadline has passed
};

// As many clients as visits may have begun within a deadline, and a few more.
NewcomersRun::NewcomersRun(Engine& engine, const Options& options)
    : engine_(engine), options_(options), marks_(engine.poller, options.json) {
  const auto count = static_cast<size_t>(std::ceil(options.rate * (options.deadline + 1))) + 1;
  engine.sources = static_cast<int>(count);
  for (size_t i = 0; i < count; ++i) clients_.push_back(std::make_unique<Client>(engine, *this, i));
  visits_.resize(count);
}

Nanos NewcomersRun::Due(uint64_t number) const {
  return start_ + FromSeconds(static_cast<double>(number) / options_.rate);
}

void NewcomersRun::BeginDue() {
  for (const Nanos now = Now(); Due(begun_) <= now; ++begun_) {
    const size_t index = begun_ % clients_.size();
    visits_[index] = {.due = Due(begun_), .window = marks_.Schedule(), .waiting = true};
    marks_.Late(Now() - visits_[index].due);
    clients_[index]->Open();
  }
}

void NewcomersRun::EndOverdue() {
  for (const Nanos now = Now(); ended_ < begun_; ++ended_) {
    const size_t index = ended_ % clients_.size();
    if (visits_[index].due + FromSeconds(options_.deadline) > now) return;
    clients_[index]->Drop();
    OnClosed(*clients_[index], "not served before the deadline");
  }
}

void NewcomersRun::OnMessage(Client& client) {
  Visit& visit = visits_[client.index()];
  if (visit.waiting) marks_.Came(visit.window, Now() - visit.due);
  visit.waiting = false;
  client.Close();
}

void NewcomersRun::OnClosed(Client& client, std::string_view failure) {
  Visit& visit = visits_[client.index()];
  if (visit.waiting) marks_.Missed(visit.window, failure);
  visit.waiting = false;
}

int NewcomersRun::Run() {
  start_ = Now();
  while (!marks_.quit()) {
    EndOverdue();
    BeginDue();
    engine_.poller.Turn(Due(begun_));
  }
  return 0;
}

}  // namespace

int RunNewcomers(const Options& options) {
  const auto engine = MakeEngine(options);
  if (!engine.ok()) {
    fmt::print(stderr, "hawser_load: {}\n", std::string(engine.status().message()));
    return 1;
  }
  return NewcomersRun(**engine, options).Run();
}

}  // namespace hawser::bench
