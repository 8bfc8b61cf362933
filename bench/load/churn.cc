// The mode `churn`: each of N connections opens, reaches its 101, closes with a handshake, sees the end, and
// opens again. With TLS every handshake is a full one unless tickets are asked for.
#include "bench/load/fleet.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

class ChurnRun : public ClientObserver {
 public:
  ChurnRun(Engine& engine, const Options& options);

  int Run();
  void OnOpen(Client& client) override;
  void OnMessage(Client&) override {}
  void OnClosed(Client& client, std::string_view failure) override;

 private:
  void Begin(Client& client);
  void WarmUp();
  bool Finished() const;
  nlohmann::ordered_json Line() const;

  Engine& engine_;
  const Options& options_;
  Window window_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Nanos> begun_;    // when each client's present connection began
  uint64_t left_ = UINT64_MAX;  // connections that may still begin
  size_t under_way_ = 0;
  uint64_t handshakes_ = 0;  // connections that ended within the window
  uint64_t resumed_ = 0;
  Histogram to_open_;
  Histogram to_end_;
  Failures failures_;
};

ChurnRun::ChurnRun(Engine& engine, const Options& options)
    : engine_(engine), options_(options), window_(options), begun_(options.connections) {
  for (size_t i = 0; i < options.connections; ++i)
    clients_.push_back(std::make_unique<Client>(engine, *this, i));
}

void ChurnRun::Begin(Client& client) {
  if (left_ == 0) return;
  left_ -= left_ == UINT64_MAX ? 0 : 1;
  begun_[client.index()] = Now();
  ++under_way_;
  client.Open();
}

void ChurnRun::OnOpen(Client& client) {
  if (window_.open()) {
    to_open_.Record(Now() - begun_[client.index()]);
    if (client.resumed()) ++resumed_;
  }
  client.Close();
}

void ChurnRun::OnClosed(Client& client, std::string_view failure) {
  --under_way_;
  if (!failure.empty()) return failures_.Add(failure);
  if (window_.open()) {
    to_end_.Record(Now() - begun_[client.index()]);
    ++handshakes_;
  }
  if (failures_.empty()) Begin(client);
}

bool ChurnRun::Finished() const {
  if (!failures_.empty()) return true;
  if (options_.count > 0) return handshakes_ >= options_.count;
  return Now() >= window_.start() + FromSeconds(options_.seconds);
}

nlohmann::ordered_json ChurnRun::Line() const {
  nlohmann::ordered_json line = {
      {"mode", "churn"}, {"tls", options_.tls}, {"connections", options_.connections}};
  if (handshakes_ == 0) return line;
  line["seconds"] = window_.seconds();
  line["handshakes"] = handshakes_;
  line["handshakes_per_second"] = static_cast<double>(handshakes_) / window_.seconds();
  if (options_.tls) line["resumed"] = resumed_;
  line["open_us"] = Latency(to_open_);
  line["cycle_us"] = Latency(to_end_);
  AddCpu(line, window_, handshakes_, "handshake", 0);
  return line;
}

// A count without a warm-up is exact: so many connections are made and no other.
void ChurnRun::WarmUp() {
  if (options_.warmup <= 0) {
    window_.Open();
    if (options_.count > 0) left_ = options_.count;
  }
  const Nanos warm = Now() + FromSeconds(options_.warmup);
  for (const auto& client : clients_) {
    if (failures_.empty()) Begin(*client);
  }
  while (failures_.empty() && Now() < warm) engine_.poller.Turn(warm);
  if (!window_.opened()) window_.Open();
}

int ChurnRun::Run() {
  WarmUp();
  const Nanos end =
      options_.count > 0 ? window_.start() + 600 * kSecond : window_.start() + FromSeconds(options_.seconds);
  while (!Finished() && Now() < end) engine_.poller.Turn(end);
  window_.Close();
  left_ = 0;
  const Nanos deadline = Now() + 5 * kSecond;
  while (under_way_ > 0 && failures_.empty() && Now() < deadline) engine_.poller.Turn(deadline);
  if (under_way_ > 0 && failures_.empty()) failures_.Add("no end within 5 s", under_way_);
  if (window_.observing() && !window_.observed()) failures_.Add("an observed process is gone");
  return Finish(Line(), failures_, options_.json);
}

}  // namespace

int RunChurn(const Options& options) {
  const auto engine = MakeEngine(options);
  if (!engine.ok()) {
    fmt::print(stderr, "hawser_load: {}\n", std::string(engine.status().message()));
    return 1;
  }
  return ChurnRun(**engine, options).Run();
}

}  // namespace hawser::bench
