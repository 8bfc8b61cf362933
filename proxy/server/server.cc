#include "proxy/server/server.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/form.h"
#include "config/units.h"
#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/server/machine.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

// Rows that a worker makes in one turn: eight strings each, about 100 microseconds together.
constexpr size_t kTunnelsPerTurn = 256;

// Finds clients that have gone without a word, also those that have ended their direction and wait for an
// answer. Accepted sockets inherit it from the listening one (tcp(7)), so it costs no call per connection.
constexpr net::TcpKeepalive kClientKeepalive{.idle = 120, .interval = 30, .probes = 4};

// One socket per worker. With SO_REUSEPORT a second process could bind the same port unnoticed, so the
// address is first bound once without it. A Unix socket cannot be bound twice: the workers share it by
// duplicates.
absl::StatusOr<std::vector<net::Socket>> BindAll(const config::Listener& listener, size_t count,
                                                 net::SocketAddress& bound) {
  const net::SocketAddress& address = listener.address;
  std::vector<net::Socket> sockets;
  auto probe = net::Listen(address, {.reuse_port = false, .mode = config::ModeOf(listener.mode)});
  if (!probe.ok()) return probe.status();
  auto local = net::LocalAddress(*probe);
  if (!local.ok()) return local.status();
  bound = *local;
  if (address.unix_socket()) {
    for (size_t i = 1; i < count; ++i) {
      HAWSER_ASSIGN_OR_RETURN(net::Socket copy, net::Duplicate(*probe));
      sockets.push_back(std::move(copy));
    }
    sockets.push_back(std::move(*probe));
    return sockets;
  }
  probe->Reset();
  for (size_t i = 0; i < count; ++i) {
    auto socket = net::Listen(net::SocketAddress(address.ip(), bound.port()), {.reuse_port = true});
    if (!socket.ok()) return socket.status();
    net::KeepAlive(*socket, kClientKeepalive);
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

}  // namespace

std::unique_ptr<Server> Server::Create(config::Loaded& loaded, int workers, StartErrors& errors) {
  const config::Config& settings = *loaded.config;
  const auto failed = [&](const auto& field, const absl::Status& status) {
    errors.push_back(loaded.At(field, std::string(status.message()), AdviceFor(status)));
    return nullptr;
  };
  auto loop = event::Loop::Create();
  if (!loop.ok()) return failed(settings, loop.status());
  std::unique_ptr<Server> server(new Server(std::move(*loop)));
  // Before the listeners: whoever finds their ports open may send a signal.
  auto signals = event::Signals::Watch(*server->loop_, kSignals, [server = server.get()](int number) {
    if (number == SIGTERM || number == SIGINT || number == SIGQUIT) return server->Terminate();
    spdlog::warn("SIG{}: ignored; {}", sigabbrev_np(number),
                 number == SIGUSR1 ? "the access log is appended to by name: let logrotate use copytruncate"
                                   : "restart to take a new configuration or binary");
  });
  if (!signals.ok()) return failed(settings, signals.status());
  server->signals_ = std::move(*signals);
  Sockets sockets = server->BindListeners(loaded, static_cast<size_t>(workers), errors);
  server->snapshot_ = BuildSnapshot(loaded, server->names_, server->bound_, errors);
  if (server->snapshot_ == nullptr) return nullptr;
  server->edge_ = std::make_unique<Edge>(*server->snapshot_);
  const config::ProcessLimits& limits = server->snapshot_->config->limits;
  server->stick_table_ =
      std::make_unique<cluster::StickTable>(limits.socket_io_sessions, limits.socket_io_session_idle);
  for (int i = 0; i < workers; ++i) {
    auto worker_loop = event::Loop::Create();
    if (!worker_loop.ok()) return failed(settings, worker_loop.status());
    server->workers_.push_back(std::make_unique<Worker>(std::move(*worker_loop), server->snapshot_,
                                                        *server->stick_table_, server->via_));
    server->registry_.Add(server->workers_.back()->stats());
  }
  server->GiveListeners(std::move(sockets), loaded, errors);
  if (!errors.empty()) return nullptr;
  return server;
}

Server::~Server() {
  for (const auto& worker : workers_) worker->Stop();
  LetGoOfPaths();
}

// Once, and while the sockets are still listened on: afterwards a process that takes over may have bound the
// same path. bound_ holds what this process has bound, so nothing that another one serves is unlinked.
void Server::LetGoOfPaths() {
  if (std::exchange(paths_let_go_, true)) return;
  for (const net::SocketAddress& address : bound_) net::RemoveFile(address);
}

Server::Sockets Server::BindListeners(const config::Loaded& loaded, size_t workers, StartErrors& errors) {
  const auto& listeners = loaded.config->listeners;
  Sockets all(listeners.size());
  bound_.resize(listeners.size());
  for (size_t i = 0; i < listeners.size(); ++i) {
    auto sockets = BindAll(listeners[i], workers, bound_[i]);
    if (sockets.ok()) {
      all[i] = std::move(*sockets);
    } else {
      errors.push_back(loaded.At(listeners[i].address, std::string(sockets.status().message()),
                                 AdviceFor(sockets.status())));
    }
  }
  return all;
}

void Server::GiveListeners(Sockets sockets, const config::Loaded& loaded, StartErrors& errors) {
  for (size_t i = 0; i < sockets.size(); ++i) {
    for (size_t worker = 0; worker < workers_.size(); ++worker) {
      auto added = workers_[worker]->AddListener(*edge_, i, std::move(sockets[i][worker]));
      if (added.ok()) continue;
      const config::Listener& settings = snapshot_->config->listeners[i];
      errors.push_back(loaded.At(settings.address, std::string(added.message()), AdviceFor(added)));
    }
  }
}

absl::Status Server::Start() {
  HAWSER_DCHECK(phase_ == Phase::kStarting);
  for (size_t i = 0; i < workers_.size(); ++i) {
    HAWSER_RETURN_IF_ERROR(workers_[i]->Start(static_cast<int>(i)));
  }
  phase_ = Phase::kServing;
  return absl::OkStatus();
}

int Server::Run() {
  HAWSER_DCHECK(phase_ != Phase::kStarting);
  loop_->Run();
  signals_.reset();  // if anything from here on hangs, one more signal ends the process
  for (const auto& worker : workers_) worker->Stop();
  return 0;
}

void Server::Terminate() {
  if (phase_ == Phase::kServing) {
    BeginDrain();
  } else if (phase_ == Phase::kDraining) {
    spdlog::warn("second signal: closing everything now");
    EndNow();
  }
}

void Server::BeginDrain() {
  phase_ = Phase::kDraining;
  LetGoOfPaths();
  const config::Drain& drain = snapshot_->config->drain;
  spdlog::info(
      "draining: no new connections; tunnels are closed over {}; the process ends after {} at the latest",
      config::FormatDuration(drain.window), config::FormatDuration(drain.deadline));
  loop_->Arm(deadline_, drain.deadline);
  for (const auto& worker : workers_) {
    worker->loop().Post([this, worker = worker.get(), window = drain.window] {
      worker->Drain(window, [this] { loop_->Post([this] { OnWorkerEmpty(); }); });
    });
  }
}

void Server::OnWorkerEmpty() {
  HAWSER_DCHECK(empty_workers_ < workers_.size());
  if (++empty_workers_ < workers_.size()) return;
  spdlog::info("drained");
  phase_ = Phase::kEnded;
  loop_->Stop();
}

void Server::OnReady(event::Ready) {
  spdlog::warn("the drain's deadline has passed: closing what is left");
  EndNow();
}

// The workers end their connections when they are stopped.
void Server::EndNow() {
  phase_ = Phase::kEnded;
  deadline_.Cancel();
  loop_->Stop();
}

void Server::CollectTunnels(size_t most, absl::AnyInvocable<void(std::vector<TunnelRow>)> done) {
  HAWSER_DCHECK(most > 0);
  collections_.push_back({.most = most, .done = std::move(done)});
  if (collections_.size() == 1) AskForTunnels();
}

void Server::AskForTunnels() {
  HAWSER_DCHECK(!collections_.empty());
  Collection& now = collections_.front();
  HAWSER_DCHECK(now.worker < workers_.size() && now.rows.size() < now.most);
  Worker& worker = *workers_[now.worker];
  const size_t most = std::min(kTunnelsPerTurn, now.most - now.rows.size());
  worker.loop().Post([this, &worker, most, first = std::exchange(now.first, false)] {
    loop_->Post([this, next = worker.NextTunnels(most, first)]() mutable { OnTunnels(std::move(next)); });
  });
}

void Server::OnTunnels(TunnelRows next) {
  Collection& now = collections_.front();
  std::move(next.rows.begin(), next.rows.end(), std::back_inserter(now.rows));
  if (!next.more) {
    ++now.worker;
    now.first = true;
  }
  if (now.worker < workers_.size() && now.rows.size() < now.most) return AskForTunnels();
  Collection finished = std::move(now);
  collections_.pop_front();
  if (!collections_.empty()) AskForTunnels();
  finished.done(std::move(finished.rows));
}

}  // namespace hawser::server
