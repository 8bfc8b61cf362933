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
#include "proxy/server/start_report.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

// Rows that a worker makes in one turn: eight strings each, about 100 microseconds together.
constexpr size_t kTunnelsPerTurn = 256;

}  // namespace

Server::Server(std::unique_ptr<event::Loop> loop, std::unique_ptr<Builder> builder)
    : loop_(std::move(loop)),
      builder_(std::move(builder)),
      memberships_(*loop_, *builder_, workshop_.registries, MembershipCalls()),
      pool_(*loop_, buffers_),
      health_checks_(*loop_, pool_,
                     [this](const auto& endpoint, base::Duration window) { OnUnhealthy(endpoint, window); }),
      deadline_(*this) {}

std::unique_ptr<Server> Server::Create(config::Loaded& loaded, ConfigSource source, int workers,
                                       StartErrors& errors) {
  const auto failed = [&](const absl::Status& status) {
    errors.push_back(
        {.file = loaded.file, .what = std::string(status.message()), .expected = AdviceFor(status)});
    return nullptr;
  };
  auto loop = event::Loop::Create();
  auto builder = Builder::Create();
  if (!loop.ok() || !builder.ok()) return failed(loop.ok() ? builder.status() : loop.status());
  std::unique_ptr<Server> server(new Server(std::move(*loop), std::move(*builder)));
  // Before the listeners: whoever finds their ports open may send a signal.
  auto signals = event::Signals::Watch(*server->loop_, kSignals,
                                       [server = server.get()](int number) { server->OnSignal(number); });
  if (!signals.ok()) return failed(signals.status());
  server->signals_ = std::move(*signals);
  server->workshop_.registries.workers = static_cast<size_t>(workers);
  FileHashes files = HashFiles(*loaded.config, server->workshop_.hash_key);
  Built built = BuildGeneration(loaded, std::move(files), server->workshop_, nullptr, errors);
  if (built.generation == nullptr) return nullptr;
  server->generation_ = std::move(built.generation);
  server->admin_socket_ = std::move(built.admin);
  absl::Status made = server->MakeWorkers(workers);
  if (made.ok()) made = server->AddListeners(std::move(built.sockets));
  if (!made.ok()) return failed(made);
  server->memberships_.Apply(server->snapshot(), std::move(built.setup));
  server->health_checks_.Apply(server->clusters());
  server->rebalancer_ = std::make_unique<Rebalancer>(
      *server->loop_, server->memberships_, server->health_checks_, server->workers_.size(),
      [server = server.get()](const auto& order) { server->OnShed(order); });
  server->reloader_ =
      std::make_unique<Reloader>(*server->loop_, *server->builder_, server->workshop_, std::move(source),
                                 *server->snapshot().config, server->ReloadCalls());
  return server;
}

Memberships::Calls Server::MembershipCalls() {
  return {.changed = [this](const auto& membership) { OnMembership(membership); },
          .left = [this](const auto& order) { OnDeparture(order); }};
}

Reloader::Calls Server::ReloadCalls() {
  return {.ends = [this] { return phase_ > Phase::kServing; },
          .in_force =
              [this] {
                return InForce{generation_, clusters(), memberships_.discovered()};
              },
          .apply = [this](Built next,
                          absl::AnyInvocable<void()> done) { Apply(std::move(next), std::move(done)); },
          .resolve_with = [this](resolve::Setup setup) { memberships_.Use(std::move(setup)); }};
}

absl::Status Server::MakeWorkers(int count) {
  edge_ = std::make_unique<Edge>(snapshot());
  const config::ProcessLimits& limits = snapshot().config->limits;
  stick_table_ =
      std::make_unique<cluster::StickTable>(limits.socket_io_sessions, limits.socket_io_session_idle);
  for (int i = 0; i < count; ++i) {
    HAWSER_ASSIGN_OR_RETURN(auto loop, event::Loop::Create());
    workers_.push_back(std::make_unique<Worker>(std::move(loop), generation_->snapshot, *stick_table_, via_,
                                                static_cast<uint16_t>(i)));
    registry_.Add(workers_.back()->stats());
  }
  return absl::OkStatus();
}

absl::Status Server::AddListeners(std::vector<std::vector<net::Socket>> sockets) {
  for (size_t i = 0; i < sockets.size(); ++i) {
    const std::string address = bound(i).ToString();
    for (size_t worker = 0; worker < workers_.size(); ++worker) {
      HAWSER_RETURN_IF_ERROR(
          workers_[worker]->AddListener(*edge_, i, address, std::move(sockets[i][worker])));
    }
  }
  return absl::OkStatus();
}

void Server::OnSignal(int number) {
  if (number == SIGTERM || number == SIGINT || number == SIGQUIT) return Terminate();
  if (number == SIGHUP) return Reload({});
  spdlog::warn("SIG{}: ignored; {}", sigabbrev_np(number),
               number == SIGUSR1 ? "the access log is appended to by name: let logrotate use copytruncate"
                                 : "restart to take a new binary");
}

absl::Status Server::ServeAdmin(OnAdmin on_admin) {
  on_admin_ = std::move(on_admin);
  return on_admin_(snapshot().config->admin, std::move(admin_socket_));
}

void Server::Reload(absl::AnyInvocable<void(const ReloadResult&)> done) {
  reloader_->Reload(std::move(done));
}

void Server::Apply(Built built, absl::AnyInvocable<void()> done) {
  HAWSER_DCHECK(phase_ <= Phase::kServing && !applying_);
  applying_.emplace(workers_.size(), std::exchange(generation_, std::move(built.generation)),
                    std::move(done));
  in_force_since_ = std::chrono::system_clock::now();
  ApplyToProcess(*applying_->before->snapshot->config, std::move(built.admin));
  memberships_.Apply(snapshot(), std::move(built.setup));
  health_checks_.Apply(clusters());
  rebalancer_->Look();
  for (auto& membership : built.change->clusters) membership = clusters().Find(membership->cluster()->id());
  for (size_t i = 0; i < built.sockets.size(); ++i) {
    if (!built.sockets[i].empty()) AnnounceListener(*snapshot().listeners[i], bound(i));
  }
  for (size_t i = 0; i < workers_.size(); ++i) {
    std::vector<net::Socket> sockets;
    for (auto& of_listener : built.sockets) {
      sockets.push_back(of_listener.empty() ? net::Socket() : std::move(of_listener[i]));
    }
    workers_[i]->loop().Post(
        [this, worker = workers_[i].get(), change = built.change, sockets = std::move(sockets)]() mutable {
          Replaced replaced = worker->Apply(*edge_, *change, std::move(sockets));
          loop_->Post([this, replaced = std::move(replaced)]() mutable { OnApplied(std::move(replaced)); });
        });
  }
}

void Server::OnMembership(const std::shared_ptr<const cluster::Membership>& membership) {
  health_checks_.Update(*membership);
  for (const auto& worker : workers_) {
    worker->loop().Post([this, worker = worker.get(), membership] {
      loop_->Post([this, replaced = worker->Update(membership)]() mutable {
        builder_->Destroy(std::move(replaced));
      });
    });
  }
}

void Server::OnDeparture(const cluster::Departures::Order& order) {
  for (const auto& worker : workers_) {
    worker->loop().Post([worker = worker.get(), order] { worker->Depart(order); });
  }
}

void Server::OnUnhealthy(const std::shared_ptr<cluster::Endpoint>& endpoint, base::Duration window) {
  for (const auto& worker : workers_) {
    worker->loop().Post(
        [worker = worker.get(), endpoint, window] { worker->CloseUnhealthy(endpoint, window); });
  }
}

void Server::OnShed(const FairShares::Order& order) {
  Worker* const worker = workers_[order.worker].get();
  worker->loop().Post([worker, order] { worker->Shed(order); });
}

void Server::OnApplied(Replaced replaced) {
  builder_->Destroy(std::move(replaced));
  if (--applying_->workers_left > 0) return;
  Applying applied = *std::exchange(applying_, std::nullopt);
  builder_->Run([before = std::move(applied.before), now = generation_] {
    for (const net::SocketAddress& address : Gone(before->bindings, now->bindings)) net::RemoveFile(address);
  });
  applied.done();
}

// What the workers share.
void Server::ApplyToProcess(const config::Config& before, net::Socket admin) {
  const session::Snapshot& now = snapshot();
  for (const auto& listener : now.listeners) listener->cap->SetLimit(listener->settings.limits.connections);
  stick_table_->SetIdle(now.config->limits.socket_io_session_idle);
  if (on_admin_ == nullptr || (before.admin == now.config->admin && !admin.open())) return;
  const absl::Status status = on_admin_(now.config->admin, std::move(admin));
  if (!status.ok()) spdlog::error("admin: {}", std::string(status.message()));
}

Server::~Server() {
  builder_->Stop();
  for (const auto& worker : workers_) worker->Stop();
  LetGoOfPaths();
  if (admin_socket_.open()) net::RemoveFile(generation_->bindings.back().bound);
}

// Once, and while the sockets are still listened on: afterwards a process that takes over may have bound the
// same path. These are what this process has bound, so nothing that another one serves is unlinked. The admin
// listener answers during a drain, and removes its file itself.
void Server::LetGoOfPaths() {
  if (std::exchange(paths_let_go_, true)) return;
  if (generation_ == nullptr) return;
  for (const Binding& binding : generation_->bindings) {
    if (!binding.wanted.for_admin()) net::RemoveFile(binding.bound);
  }
}

absl::Status Server::Start() {
  HAWSER_DCHECK(phase_ == Phase::kStarting);
  HAWSER_RETURN_IF_ERROR(builder_->Start());
  while (phase_ == Phase::kStarting && !memberships_.ready()) loop_->RunOnce(base::Duration(-1));
  if (phase_ != Phase::kStarting) return absl::OkStatus();
  for (size_t i = 0; i < workers_.size(); ++i) {
    HAWSER_RETURN_IF_ERROR(workers_[i]->Start(static_cast<int>(i)));
  }
  phase_ = Phase::kServing;
  rebalancer_->Look();
  return reloader_->Start(*generation_);
}

int Server::Run() {
  HAWSER_DCHECK(phase_ != Phase::kStarting);
  if (phase_ != Phase::kEnded) loop_->Run();
  signals_.reset();  // if anything from here on hangs, one more signal ends the process
  builder_->Stop();
  for (const auto& worker : workers_) worker->Stop();
  return 0;
}

void Server::Terminate() {
  if (phase_ == Phase::kStarting) {
    EndNow();
  } else if (phase_ == Phase::kServing) {
    BeginDrain();
  } else if (phase_ == Phase::kDraining) {
    spdlog::warn("second signal: closing everything now");
    EndNow();
  }
}

void Server::BeginDrain() {
  phase_ = Phase::kDraining;
  rebalancer_->Stop();
  LetGoOfPaths();
  const config::Drain& drain = snapshot().config->drain;
  spdlog::info(
      "draining: no new connections; tunnels are closed over {}; the process ends after {} at the latest",
      config::FormatDuration(drain.window), config::FormatDuration(drain.deadline));
  loop_->Arm(deadline_, drain.deadline);
  for (const auto& worker : workers_) {
    worker->loop().Post([this, worker = worker.get(), window = drain.window, code = drain.code.code] {
      worker->Drain(window, code, [this] { loop_->Post([this] { OnWorkerEmpty(); }); });
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
