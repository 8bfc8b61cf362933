// The mode `honest`: tunnels that each send a message every --interval seconds on a fixed schedule, and count
// every latency from the scheduled instant (no coordinated omission). A tunnel that is lost is opened again
// when its next message is due; that message, and those that were under way, are missed.
#include <deque>

#include "bench/load/fleet.h"
#include "bench/load/marks.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

constexpr Nanos kMostLatency = 10 * kSecond;  // then a message is missed, and its tunnel lost

class HonestRun : public Fleet {
 public:
  HonestRun(Engine& engine, const Options& options)
      : Fleet(engine, options, options.connections),
        options_(options),
        marks_(engine.poller, options.json),
        under_way_(options.connections) {}

  int Run();
  void OnMessage(Client& client) override;
  void OnClosed(Client& client, std::string_view failure) override;

 private:
  struct Sent {
    Nanos due;
    size_t window;
  };

  Nanos Due(uint64_t number) const;
  void SendDue();
  void Send(Client& client, Sent message);
  void Lose(Client& client, std::string_view why);

  const Options& options_;
  Marks marks_;
  std::vector<std::deque<Sent>> under_way_;  // for each tunnel, oldest first
  bool started_ = false;
  Nanos start_ = 0;
  uint64_t sent_ = 0;  // messages that were due so far
};

// Computed from the start each time, so that rounding does not add up.
Nanos HonestRun::Due(uint64_t number) const {
  const double apart = options_.interval / static_cast<double>(options_.connections);
  return start_ + FromSeconds(static_cast<double>(number) * apart);
}

void HonestRun::SendDue() {
  for (const Nanos now = Now(); Due(sent_) <= now; ++sent_) {
    const Sent message{.due = Due(sent_), .window = marks_.Schedule()};
    marks_.Late(Now() - message.due);
    Send(*clients()[sent_ % clients().size()], message);
  }
}

void HonestRun::Send(Client& client, Sent message) {
  std::deque<Sent>& waiting = under_way_[client.index()];
  if (!waiting.empty() && message.due - waiting.front().due > kMostLatency) {
    client.Drop();
    Lose(client, "no echo for 10 s");
  }
  if (!client.open()) {
    marks_.Missed(message.window, "no tunnel");
    if (client.idle()) client.Open();
    return;
  }
  waiting.push_back(message);
  client.Queue(1);
  client.Flush();
}

void HonestRun::OnMessage(Client& client) {
  std::deque<Sent>& waiting = under_way_[client.index()];
  const Sent message = waiting.front();
  waiting.pop_front();
  marks_.Came(message.window, Now() - message.due);
}

void HonestRun::OnClosed(Client& client, std::string_view failure) {
  if (!started_) return Fleet::OnClosed(client, failure);
  Lose(client, failure);
}

void HonestRun::Lose(Client& client, std::string_view why) {
  if (client.was_open()) marks_.Lost();
  std::deque<Sent>& waiting = under_way_[client.index()];
  for (; !waiting.empty(); waiting.pop_front()) marks_.Missed(waiting.front().window, why);
}

int HonestRun::Run() {
  if (!OpenAll()) return Finish({{"mode", "honest"}}, failures(), options_.json);
  started_ = true;
  Print({{"event", "open"}, {"tunnels", open()}}, options_.json);
  start_ = Now();
  while (!marks_.quit()) {
    SendDue();
    engine().poller.Turn(Due(sent_));
  }
  return 0;
}

}  // namespace

int RunHonest(const Options& options) {
  const auto engine = MakeEngine(options);
  if (!engine.ok()) {
    fmt::print(stderr, "hawser_load: {}\n", std::string(engine.status().message()));
    return 1;
  }
  return HonestRun(**engine, options).Run();
}

}  // namespace hawser::bench
