// The mode `rate`: messages leave on a fixed schedule, independent of the echoes, and each latency counts
// from the scheduled time. So a stall shows in every message that it delayed (no coordinated omission).
#include <algorithm>
#include <deque>

#include "bench/load/fleet.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

constexpr size_t kMostUnderWay = 1'000'000;

class RateRun : public Fleet {
 public:
  RateRun(Engine& engine, const Options& options)
      : Fleet(engine, options, options.connections),
        options_(options),
        window_(options),
        intended_(options.connections) {}

  int Run();
  void OnMessage(Client& client) override;

 private:
  Nanos Due(uint64_t number) const;
  void SendDue();
  void RunUntil(Nanos end);
  void Drain();
  nlohmann::ordered_json Line() const;

  const Options& options_;
  Window window_;
  std::vector<std::deque<Nanos>> intended_;  // for each connection, of what is under way
  Nanos start_ = 0;
  uint64_t sent_ = 0;
  uint64_t came_ = 0;
  uint64_t messages_ = 0;  // scheduled within the window
  Histogram latency_;
  Histogram lateness_;  // of the generator itself: from the intended instant to the send
};

// Computed from the start each time, so that rounding does not add up.
Nanos RateRun::Due(uint64_t number) const {
  return start_ + static_cast<Nanos>(static_cast<double>(number) * 1e9 / options_.rate);
}

void RateRun::SendDue() {
  for (const Nanos now = Now(); Due(sent_) <= now; ++sent_) {
    Client& client = *clients()[sent_ % clients().size()];
    if (!client.open()) continue;
    const Nanos due = Due(sent_);
    intended_[client.index()].push_back(due);
    if (window_.open()) lateness_.Record(Now() - due);
    client.Queue(1);
    client.Flush();
    if (sent_ - came_ > kMostUnderWay)
      return failures().Add("a million messages are under way: the rate is too high");
  }
}

void RateRun::OnMessage(Client& client) {
  std::deque<Nanos>& waiting = intended_[client.index()];
  const Nanos due = waiting.front();
  waiting.pop_front();
  ++came_;
  if (!window_.opened() || due < window_.start()) return;
  latency_.Record(Now() - due);
  ++messages_;
}

void RateRun::RunUntil(Nanos end) {
  while (failures().empty() && Now() < end) {
    SendDue();
    engine().poller.Turn(std::min(end, Due(sent_)));
  }
}

// The latency of what was sent within the window counts even if it comes after its end.
void RateRun::Drain() {
  TurnUntil([&] { return came_ == sent_ || !failures().empty(); }, [&] { return came_; });
  if (came_ < sent_ && failures().empty()) failures().Add("an echo did not come within 10 s", sent_ - came_);
}

nlohmann::ordered_json RateRun::Line() const {
  nlohmann::ordered_json line = {{"mode", "rate"},
                                 {"tls", options_.tls},
                                 {"size", options_.size},
                                 {"connections", options_.connections},
                                 {"rate", options_.rate}};
  if (messages_ == 0) return line;
  line["seconds"] = window_.seconds();
  line["messages"] = messages_;
  line["latency_us"] = Latency(latency_);
  line["generator_late_us"] = Latency(lateness_);
  AddCpu(line, window_, messages_, "message", static_cast<double>(messages_ * options_.size) / 1e6);
  return line;
}

int RateRun::Run() {
  if (OpenAll()) {
    start_ = Now();
    RunUntil(start_ + FromSeconds(options_.warmup));
    window_.Open();
    RunUntil(window_.start() + FromSeconds(options_.seconds));
    window_.Close();
    Drain();
    if (failures().empty()) CloseAll();
  }
  if (window_.observing() && !window_.observed()) failures().Add("an observed process is gone");
  return Finish(Line(), failures(), options_.json);
}

}  // namespace

int RunRate(const Options& options) {
  const auto engine = MakeEngine(options);
  if (!engine.ok()) {
    fmt::print(stderr, "hawser_load: {}\n", std::string(engine.status().message()));
    return 1;
  }
  return RateRun(**engine, options).Run();
}

}  // namespace hawser::bench
