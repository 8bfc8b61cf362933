// The mode `idle`: opens N tunnels from many source addresses, over as many processes as descriptors ask for,
// and holds them while it answers pings. A line `echo` on stdin sends one message through every tunnel,
// `quit` (or SIGTERM, SIGINT, or the end of --seconds) closes them all. Each step prints a line.
//
// The first process only directs: it forks the others and talks to each over a socket pair, with one struct
// per message.
#include <csignal>
#include <cstdlib>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/load/fleet.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

constexpr size_t kPerProcess = 15'000;  // below 20,000 descriptors with room to spare

enum class Order : uint8_t { kEcho, kQuit };

struct Tally {
  uint64_t open = 0;
  uint64_t failures = 0;
  uint64_t pings = 0;     // answered so far
  uint64_t messages = 0;  // echoed so far
};

// One process's tunnels; obeys orders that come on `orders`.
class IdleFleet : public Fleet, public Target {
 public:
  IdleFleet(Engine& engine, const Options& options, size_t count, size_t first, int orders)
      : Fleet(engine, options, count, first), orders_(orders), at_once_(options.opening) {}

  int Run();
  void OnMessage(Client&) override;
  void OnReady(uint32_t) override;

 private:
  void Echo();
  void SendNext();
  void Report();

  const int orders_;
  const size_t at_once_;
  bool quit_ = false;
  uint64_t messages_ = 0;
  size_t next_ = 0;  // the tunnel that speaks next
};

int IdleFleet::Run() {
  engine().poller.Add(orders_, *this, EPOLLIN);
  OpenAll();
  Report();
  while (!quit_) engine().poller.Turn(kNever);
  CloseAll();
  Report();
  for (const auto& [reason, count] : failures().counts())
    fmt::print(stderr, "hawser_load: {} x {}\n", count, reason);
  return failures().empty() ? 0 : 1;
}

void IdleFleet::OnReady(uint32_t) {
  Order order;
  if (read(orders_, &order, sizeof order) != sizeof order) std::exit(1);  // the directing process is gone
  if (order == Order::kEcho) return Echo();
  quit_ = true;
}

// A few tunnels at a time, as idle tunnels speak: a burst through all of them would measure the proxy's
// backlog.
void IdleFleet::Echo() {
  const uint64_t wanted = messages_ + open();
  next_ = 0;
  for (size_t i = 0; i < at_once_; ++i) SendNext();
  TurnUntil([&] { return messages_ == wanted || !failures().empty(); }, [&] { return messages_; });
  if (messages_ < wanted && failures().empty())
    failures().Add("an echo did not come within 10 s", wanted - messages_);
  Report();
}

void IdleFleet::SendNext() {
  while (next_ < clients().size() && !clients()[next_]->open()) ++next_;
  if (next_ == clients().size()) return;
  Client& client = *clients()[next_++];
  client.Queue(1);
  client.Flush();
}

void IdleFleet::OnMessage(Client&) {
  ++messages_;
  SendNext();
}

void IdleFleet::Report() {
  Tally tally{.open = open(), .failures = failures().total(), .messages = messages_};
  for (const auto& client : clients()) tally.pings += client->pings();
  if (write(orders_, &tally, sizeof tally) != sizeof tally) std::exit(1);
}

int RunFleet(const Options& options, size_t count, size_t first, int orders) {
  const auto engine = MakeEngine(options);
  if (!engine.ok()) {
    fmt::print(stderr, "hawser_load: {}\n", std::string(engine.status().message()));
    return 1;
  }
  return IdleFleet(**engine, options, count, first, orders).Run();
}

class Director {
 public:
  explicit Director(const Options& options) : options_(options) {}
  int Run();

 private:
  void Fork(size_t count, size_t first);
  bool Hear(std::string_view event);
  bool Command(Order order, std::string_view event);
  void Hold();
  bool TakeInput();

  const Options& options_;
  std::vector<net::Socket> fleets_;
  std::string input_;      // of stdin, up to the next end of a line
  bool listening_ = true;  // stdin has not ended
  bool failed_ = false;
};

void Director::Fork(size_t count, size_t first) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  net::Socket ours(ends[0]);
  net::Socket theirs(ends[1]);
  const pid_t process = fork();
  if (process < 0) std::abort();
  if (process > 0) return fleets_.push_back(std::move(ours));
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  fleets_.clear();
  ours.Reset();
  std::exit(RunFleet(options_, count, first, theirs.fd()));
}

// Waits for every process's tally and prints their sum. False when one is gone.
bool Director::Hear(std::string_view event) {
  Tally sum;
  for (const net::Socket& fleet : fleets_) {
    Tally tally;
    if (read(fleet.fd(), &tally, sizeof tally) != sizeof tally) return false;
    sum.open += tally.open;
    sum.failures += tally.failures;
    sum.pings += tally.pings;
    sum.messages += tally.messages;
  }
  failed_ = failed_ || sum.failures > 0;
  Print({{"event", event},
         {"open", sum.open},
         {"failures", sum.failures},
         {"pings", sum.pings},
         {"messages", sum.messages}},
        options_.json);
  return true;
}

bool Director::Command(Order order, std::string_view event) {
  for (const net::Socket& fleet : fleets_) {
    if (write(fleet.fd(), &order, sizeof order) != sizeof order) return false;
  }
  return Hear(event);
}

// Obeys the lines that stdin has. False when one is to quit.
bool Director::TakeInput() {
  char text[64];
  const ssize_t count = read(STDIN_FILENO, text, sizeof text);
  if (count <= 0) {
    listening_ = false;
    return true;
  }
  input_.append(text, static_cast<size_t>(count));
  for (size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (line == "quit") return false;
    if (line == "echo" && !Command(Order::kEcho, "echo")) return false;
  }
  return true;
}

// Until `quit`, a signal, or the end of the time.
void Director::Hold() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const net::Socket stop(signalfd(-1, &signals, SFD_CLOEXEC));
  const Nanos end = options_.hold > 0 ? Now() + FromSeconds(options_.hold) : kNever;
  while (Now() < end) {
    pollfd watched[] = {{.fd = stop.fd(), .events = POLLIN},
                        {.fd = listening_ ? STDIN_FILENO : -1, .events = POLLIN}};
    const int wait = end == kNever ? -1 : static_cast<int>((end - Now()) / 1'000'000 + 1);
    if (poll(watched, 2, wait) <= 0) continue;
    if (watched[0].revents != 0) return;
    if (watched[1].revents != 0 && !TakeInput()) return;
  }
}

int Director::Run() {
  const size_t processes =
      options_.processes > 0 ? options_.processes : (options_.connections + kPerProcess - 1) / kPerProcess;
  for (size_t i = 0; i < processes; ++i) {
    const size_t first = options_.connections * i / processes;
    Fork(options_.connections * (i + 1) / processes - first, first);
  }
  if (!Hear("open") || failed_) {
    Command(Order::kQuit, "end");
    return 1;
  }
  if (options_.echo_first && !Command(Order::kEcho, "echo")) return 1;
  Hold();
  const bool ended = Command(Order::kQuit, "end");
  while (wait(nullptr) > 0) continue;
  return ended && !failed_ ? 0 : 1;
}

}  // namespace

int RunIdle(const Options& options) {
  signal(SIGPIPE, SIG_IGN);
  return Director(options).Run();
}

}  // namespace hawser::bench
