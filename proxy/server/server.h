// The process: its workers, and on the main thread everything that is not a connection: signals, drain, and
// (by the admin layer above) the admin listener.
#pragma once

#include <csignal>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/cluster/pool.h"
#include "proxy/event/loop.h"
#include "proxy/event/signals.h"
#include "proxy/net/buffer.h"
#include "proxy/server/builder.h"
#include "proxy/server/generation.h"
#include "proxy/server/health_checks.h"
#include "proxy/server/memberships.h"
#include "proxy/server/rebalancer.h"
#include "proxy/server/reloader.h"
#include "proxy/server/worker.h"
#include "proxy/stats/registry.h"

namespace hawser::server {

// The signals that the server handles. The first three ask it to end (SIGQUIT as in nginx, where it means a
// drain), SIGHUP to reload. The others have a meaning in other proxies, whose operators and scripts send
// them, and would end this process: hawser ignores them and logs a line.
inline constexpr std::initializer_list<int> kSignals = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

class Server final : public event::IoHandler {
 public:
  // Takes loaded.config, which was read from `source`, binds every listener and makes every worker; nothing
  // is accepted yet. Null, with all `errors`, when something fails. From here on it handles kSignals.
  static std::unique_ptr<Server> Create(config::Loaded& loaded, ConfigSource source, int workers,
                                        StartErrors& errors);
  ~Server() override;

  // Starts the workers' threads, once the first endpoints have been discovered or waited for long enough:
  // connections are accepted from here on. Signals and the admin listener are served meanwhile. Once, before
  // Run.
  absl::Status Start();
  // Serves until drained or told to end. Returns the exit status.
  int Run();

  enum class Phase : uint8_t { kStarting, kServing, kDraining, kEnded };

  // As on SIGTERM: the first call drains, a second one ends now.
  void Terminate();
  Phase phase() const { return phase_; }

  // Reads the configuration's file again, beside what is served, and takes it over if it has no error. `done`
  // gets the result of a reload that began after this call; several calls may get the result of one.
  void Reload(absl::AnyInvocable<void(const ReloadResult&)> done);

  // Called once at once, and then whenever a reload has changed the admin listener: with its settings and the
  // socket to listen on, which is not open where there is none, or it stays.
  using OnAdmin = absl::AnyInvocable<absl::Status(const config::Admin& settings, net::Socket socket)>;
  absl::Status ServeAdmin(OnAdmin on_admin);

  const session::Snapshot& snapshot() const { return *generation_->snapshot; }
  // Since when that one is in force.
  std::chrono::system_clock::time_point in_force_since() const { return in_force_since_; }
  const Reloads& reloads() const { return reloader_->reloads(); }
  // What the clusters consist of now.
  const Clusters& clusters() const { return memberships_.clusters(); }
  // Endpoints that have left and are not forgotten yet.
  const cluster::Departures& departures() const { return memberships_.departures(); }
  // Null: no cluster has to be discovered.
  const cluster::Discovery* discovery() const { return memberships_.discovery(); }
  const HealthChecks& health_checks() const { return health_checks_; }
  const Rebalancer& rebalancer() const { return *rebalancer_; }
  const stats::Registry& stats() const { return registry_; }
  const Edge& edge() const { return *edge_; }
  const cluster::StickTable& stick_table() const { return *stick_table_; }
  uint64_t access_log_dropped() const {
    return snapshot().access_log == nullptr ? 0 : snapshot().access_log->dropped();
  }
  event::Loop& loop() { return *loop_; }
  // Where listener `index` is bound. Where port 0 was asked for, this has the port that it became.
  const net::SocketAddress& bound(size_t index) const { return generation_->bindings[index].bound; }
  size_t workers() const { return workers_.size(); }

  // Asks the workers for up to `most` rows (at least 1), a few in each of their turns, and later calls `done`
  // with them on the main thread. One collection runs at a time; the others wait.
  void CollectTunnels(size_t most, absl::AnyInvocable<void(std::vector<TunnelRow>)> done);

 private:
  Server(std::unique_ptr<event::Loop> loop, std::unique_ptr<Builder> builder);
  absl::Status MakeWorkers(int count);
  absl::Status AddListeners(std::vector<std::vector<net::Socket>> sockets);
  void OnSignal(int number);
  // Puts a new generation in force: here at once, on the workers in their next turns, then calls `done`.
  void Apply(Built built, absl::AnyInvocable<void()> done);
  void ApplyToProcess(const config::Config& before, net::Socket admin);
  void OnApplied(Replaced replaced);
  void OnMembership(const std::shared_ptr<const cluster::Membership>& membership);
  void OnDeparture(const cluster::Departures::Order& order);
  void OnUnhealthy(const std::shared_ptr<cluster::Endpoint>& endpoint, base::Duration window);
  void OnShed(const FairShares::Order& order);
  Memberships::Calls MembershipCalls();
  Reloader::Calls ReloadCalls();
  void LetGoOfPaths();
  void BeginDrain();
  void OnWorkerEmpty();
  void OnReady(event::Ready ready) override;  // the drain's deadline
  void EndNow();
  void AskForTunnels();
  void OnTunnels(TunnelRows next);

  struct Collection {
    size_t most;
    absl::AnyInvocable<void(std::vector<TunnelRow>)> done;
    std::vector<TunnelRow> rows = {};
    size_t worker = 0;  // who is asked
    bool first = true;  // it has not been asked yet
  };

  // A generation that some workers do not have yet.
  struct Applying {
    size_t workers_left;
    std::shared_ptr<const Generation> before;
    absl::AnyInvocable<void()> done;
  };

  net::BufferPool buffers_;  // outlives what the loop destroys last
  std::unique_ptr<event::Loop> loop_;
  Workshop workshop_;
  std::unique_ptr<Builder> builder_;
  std::shared_ptr<const Generation> generation_;
  std::chrono::system_clock::time_point in_force_since_ = std::chrono::system_clock::now();
  Memberships memberships_;
  cluster::Pool pool_;  // of the main thread, for requests of hawser's own
  HealthChecks health_checks_;
  std::optional<Applying> applying_;
  std::unique_ptr<Reloader> reloader_;
  OnAdmin on_admin_;
  net::Socket admin_socket_;  // until ServeAdmin
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<cluster::StickTable> stick_table_;  // outlives the workers, which read and write it
  const http::Via via_ = http::Via::Random();         // likewise
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Rebalancer> rebalancer_;
  stats::Registry registry_;
  std::unique_ptr<event::Signals> signals_;
  event::Timer deadline_;
  std::deque<Collection> collections_;  // the first is under way
  size_t empty_workers_ = 0;
  bool paths_let_go_ = false;
  Phase phase_ = Phase::kStarting;
};

}  // namespace hawser::server
