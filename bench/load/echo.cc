// The mode `echo`: every connection keeps K messages under way and answers each echo with the next message;
// the throughput and its latency are those of a closed loop.
#include <algorithm>

#include "bench/load/fleet.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

// Send times of what is under way on one connection: echoes come back in order.
class SendTimes {
 public:
  explicit SendTimes(size_t capacity) : times_(capacity) {}
  void Push(Nanos time) { times_[(begin_ + count_++) % times_.size()] = time; }
  Nanos Pop() {
    const Nanos time = times_[begin_];
    begin_ = (begin_ + 1) % times_.size();
    --count_;
    return time;
  }
  size_t count() const { return count_; }

 private:
  std::vector<Nanos> times_;
  size_t begin_ = 0;
  size_t count_ = 0;
};

class EchoRun : public Fleet {
 public:
  EchoRun(Engine& engine, const Options& options)
      : Fleet(engine, options, options.connections),
        options_(options),
        window_(options),
        times_(options.connections, SendTimes(options.outstanding)) {}

  int Run();
  void OnMessage(Client& client) override;

 private:
  void Begin();
  void Measure();
  void Drain();
  void Send(Client& client, size_t count);

  const Options& options_;
  Window window_;
  std::vector<SendTimes> times_;
  Histogram latency_;
  uint64_t left_ = UINT64_MAX;  // messages that may still be sent
  uint64_t messages_ = 0;       // echoes in the window
  size_t under_way_ = 0;
};

void EchoRun::Send(Client& client, size_t count) {
  count = static_cast<size_t>(std::min<uint64_t>(count, left_));
  if (count == 0) return;
  const Nanos now = Now();
  for (size_t i = 0; i < count; ++i) times_[client.index()].Push(now);
  left_ -= left_ == UINT64_MAX ? 0 : count;
  under_way_ += count;
  client.Queue(count);
}

void EchoRun::OnMessage(Client& client) {
  const Nanos sent = times_[client.index()].Pop();
  --under_way_;
  if (window_.open()) {
    latency_.Record(Now() - sent);
    ++messages_;
  }
  Send(client, 1);
}

void EchoRun::Begin() {
  if (options_.count > 0 && options_.warmup <= 0) {
    left_ = options_.count;
    window_.Open();
  }
  for (const auto& client : clients()) {
    Send(*client, options_.outstanding);
    client->Flush();
  }
}

void EchoRun::Measure() {
  const Nanos warm = Now() + FromSeconds(options_.warmup);
  while (!window_.opened() && failures().empty() && Now() < warm) engine().poller.Turn(warm);
  if (!window_.opened()) {
    window_.Open();
    if (options_.count > 0) left_ = options_.count - std::min<uint64_t>(options_.count, under_way_);
  }
  const bool counted = options_.count > 0;
  const Nanos end = counted ? kNever : window_.start() + FromSeconds(options_.seconds);
  while (failures().empty() && (counted ? messages_ < options_.count : Now() < end))
    engine().poller.Turn(end);
  window_.Close();
}

// Every message that was sent must still come back.
void EchoRun::Drain() {
  left_ = 0;
  TurnUntil([&] { return under_way_ == 0 || !failures().empty(); }, [&] { return under_way_; });
  if (under_way_ > 0 && failures().empty()) failures().Add("an echo did not come within 10 s", under_way_);
}

int EchoRun::Run() {
  if (OpenAll()) {
    Begin();
    Measure();
    Drain();
    if (failures().empty()) CloseAll();
  }
  if (window_.observing() && !window_.observed()) failures().Add("an observed process is gone");
  nlohmann::ordered_json line = {{"mode", "echo"},
                                 {"tls", options_.tls},
                                 {"size", options_.size},
                                 {"connections", options_.connections},
                                 {"outstanding", options_.outstanding}};
  if (messages_ > 0) {
    const double megabytes = static_cast<double>(messages_ * options_.size) / 1e6;
    line["seconds"] = window_.seconds();
    line["messages"] = messages_;
    line["messages_per_second"] = static_cast<double>(messages_) / window_.seconds();
    line["mb_per_second"] = megabytes / window_.seconds();
    line["latency_us"] = Latency(latency_);
    AddCpu(line, window_, messages_, "message", megabytes);
  }
  return Finish(line, failures(), options_.json);
}

}  // namespace

int RunEcho(const Options& options) {
  const auto engine = MakeEngine(options);
  if (!engine.ok()) {
    fmt::print(stderr, "hawser_load: {}\n", std::string(engine.status().message()));
    return 1;
  }
  return EchoRun(**engine, options).Run();
}

}  // namespace hawser::bench
