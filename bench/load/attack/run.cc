// The mode `attack`: as many processes as its descriptors ask for, each with a swarm of its own. The first
// process only directs. It tells the others to stop by shutting down the socket pair that it has with each,
// and each answers with its tally.
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/load/attack/kinds.h"
#include "bench/load/attack/swarm.h"
#include "bench/load/report.h"
#include "fmt/format.h"
#include "proxy/base/status_macros.h"

namespace hawser::bench {
namespace attack {
namespace {

constexpr size_t kPerProcess = 15'000;  // below 20,000 descriptors with room to spare

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// The kind's defaults where the command line says nothing.
AttackOptions Completed(AttackOptions options, const Kind& kind) {
  if (options.connections == 0) options.connections = kind.connections;
  if (options.rate == 0) options.rate = kind.rate;
  if (options.interval == 0) options.interval = kind.interval;
  options.tls = kind.tls == Tls::kAlways || (kind.tls == Tls::kEither && options.tls);
  return options;
}

// What does not differ from one process to the next.
absl::StatusOr<Plan> MakePlan(const AttackOptions& options, const Kind& kind) {
  Plan plan;
  HAWSER_ASSIGN_OR_RETURN(plan.target, net::SocketAddress::Parse(options.target));
  HAWSER_ASSIGN_OR_RETURN(const net::IpAddress first, net::IpAddress::Parse(options.first_source));
  if (!first.v4() || plan.target.family() != AF_INET) {
    return absl::InvalidArgumentError("an attack goes over IPv4");
  }
  for (const uint8_t byte : first.bytes()) plan.first_source = plan.first_source << 8 | byte;
  if (options.tls) {
    HAWSER_ASSIGN_OR_RETURN(plan.tls, TlsContext::ForClient("", false, kind.http2));
  }
  plan.host = options.host;
  plan.sources = options.sources;
  plan.interval = options.interval;
  plan.turns_over = kind.turns_over;
  return plan;
}

// One of several processes: attacks until the directing one says so.
class Worker : public Target {
 public:
  Worker(Swarm& swarm, int orders) : swarm_(swarm), orders_(orders) {
    swarm.poller().Add(orders, *this, EPOLLIN);
  }

  int Run() {
    swarm_.Run([this] { return stopped_; });
    Tally& tally = swarm_.tally();
    return write(orders_, &tally, sizeof tally) == sizeof tally ? 0 : 1;
  }
  void OnReady(uint32_t) override { stopped_ = true; }

 private:
  Swarm& swarm_;
  const int orders_;
  bool stopped_ = false;
};

class Director {
 public:
  Director(const AttackOptions& options, const Kind& kind) : options_(options), kind_(kind) {}
  int Run();

 private:
  absl::Status Fork(size_t first, size_t count);
  void Hold();
  bool Collect(Tally& sum);
  nlohmann::ordered_json Line(Tally& sum, double seconds) const;

  const AttackOptions& options_;
  const Kind& kind_;
  std::vector<net::Socket> workers_;
};

absl::Status Director::Fork(size_t first, size_t count) {
  HAWSER_ASSIGN_OR_RETURN(Plan plan, MakePlan(options_, kind_));
  plan.first_slot = first;
  plan.slots = count;
  plan.rate = options_.rate * static_cast<double>(count) / static_cast<double>(options_.connections);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  net::Socket ours(ends[0]);
  const net::Socket theirs(ends[1]);
  const pid_t process = fork();
  if (process < 0) std::abort();
  if (process > 0) {
    workers_.push_back(std::move(ours));
    return absl::OkStatus();
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  workers_.clear();
  ours.Reset();
  const std::unique_ptr<Attack> attack = kind_.make(options_);
  Swarm swarm(std::move(plan), *attack);
  std::_Exit(Worker(swarm, theirs.fd()).Run());  // its connections end with it, all at once
}

// Until the time is over, a signal, or the end of stdin where it counts.
void Director::Hold() {
  const sigset_t signals = StopSignals();
  const net::Socket stop(signalfd(-1, &signals, SFD_CLOEXEC));
  const Nanos end = options_.seconds > 0 ? Now() + FromSeconds(options_.seconds) : kNever;
  while (Now() < end) {
    pollfd watched[] = {{.fd = stop.fd(), .events = POLLIN},
                        {.fd = options_.until_eof ? STDIN_FILENO : -1, .events = POLLIN}};
    const int wait = end == kNever ? -1 : static_cast<int>((end - Now()) / 1'000'000 + 1);
    if (poll(watched, 2, wait) <= 0) continue;
    char dropped[64];
    if (watched[0].revents != 0) return;
    if (watched[1].revents != 0 && read(STDIN_FILENO, dropped, sizeof dropped) <= 0) return;
  }
}

bool Director::Collect(Tally& sum) {
  for (const net::Socket& worker : workers_) shutdown(worker.fd(), SHUT_WR);
  bool all = true;
  for (const net::Socket& worker : workers_) {
    Tally tally;
    all = read(worker.fd(), &tally, sizeof tally) == sizeof tally && all;
    for (size_t i = 0; all && i < sum.counts.size(); ++i) sum.counts[i] += tally.counts[i];
  }
  while (wait(nullptr) > 0) continue;
  return all;
}

nlohmann::ordered_json Director::Line(Tally& sum, double seconds) const {
  nlohmann::ordered_json line = {{"mode", "attack"},
                                 {"kind", options_.kind},
                                 {"tls", options_.tls},
                                 {"sources", options_.sources},
                                 {"connections", options_.connections},
                                 {"rate", options_.rate},
                                 {"processes", workers_.size()},
                                 {"seconds", seconds}};
  for (size_t i = 0; i < sum.counts.size(); ++i) line[kCountNames[i]] = sum.counts[i];
  return line;
}

// The signals are blocked in every process: those who kill the whole group want a tally too.
int Director::Run() {
  const sigset_t signals = StopSignals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const size_t processes = (options_.connections + kPerProcess - 1) / kPerProcess;
  for (size_t i = 0; i < processes; ++i) {
    const size_t first = options_.connections * i / processes;
    const absl::Status forked = Fork(first, options_.connections * (i + 1) / processes - first);
    if (forked.ok()) continue;
    fmt::print(stderr, "hawser_load: {}\n", std::string(forked.message()));
    return 1;
  }
  const Nanos start = Now();
  Hold();
  Tally sum;
  const double seconds = ToSeconds(Now() - start);
  const bool all = Collect(sum);
  Print(Line(sum, seconds), options_.json);
  return all ? 0 : 1;
}

}  // namespace
}  // namespace attack

int RunAttack(const AttackOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  const attack::Kind& kind = *attack::FindKind(options.kind);
  return attack::Director(attack::Completed(options, kind), kind).Run();
}

}  // namespace hawser::bench
