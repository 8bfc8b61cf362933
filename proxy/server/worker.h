// One thread with its loop, its share of every listener, its balancers, its counters and its connections. Nothing in it
// is touched by another thread; the server speaks to it by Loop::Post.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/event/loop.h"
#include "proxy/net/buffer.h"
#include "proxy/server/listener.h"
#include "proxy/session/environment.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::server {

// A tunnel as the admin page shows it.
struct TunnelRow {
  std::string request_id, client, listener, protocol, route, cluster, endpoint, state;
  double age_seconds;
  session::Traffic traffic;
};

class Worker final : public event::IoHandler {
 public:
  // `stick_table` and `via` must outlive the worker, and so must the log.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(std::shared_ptr<const session::Snapshot> snapshot,
                                                        session::AccessLog* access_log,
                                                        cluster::StickTable& stick_table,
                                                        const http::Via& via);
  ~Worker() override;

  // Before Start: `socket` is this worker's own, for the listener with that index.
  absl::Status AddListener(Edge& edge, size_t index, net::Socket socket);

  void Start(int number);
  // Ends the loop and the thread, and whatever is still open.
  void Stop();

  // On the worker's thread (Post there): stops accepting and spreads the ends of its tunnels over `window`. `on_empty`
  // is called once, on this thread, when no connection is left.
  void Drain(base::Duration window, absl::AnyInvocable<void()> on_empty);
  // On the worker's thread: ends everything at once.
  void AbortAll(http::Reject reason);
  // On the worker's thread: up to `most` rows, those that opened first.
  std::vector<TunnelRow> Tunnels(size_t most) const;

  event::Loop& loop() { return *loop_; }
  const stats::WorkerStats& stats() const { return stats_; }

 private:
  Worker(std::unique_ptr<event::Loop> loop, std::shared_ptr<const session::Snapshot> snapshot,
         session::AccessLog* access_log, cluster::StickTable& stick_table, const http::Via& via);
  void OnReady(event::Ready ready) override;  // the drain timer
  bool empty() const;

  std::unique_ptr<event::Loop> loop_;
  net::BufferPool buffers_;
  cluster::Pool pool_;
  stats::WorkerStats stats_;
  // By pointer: the intrusive lists cannot move, and the const access of Tunnels walks them.
  std::unique_ptr<session::Environment> environment_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::thread thread_;

  // While draining.
  event::Timer drain_timer_;
  base::TimePoint drain_start_;
  base::Duration drain_window_{0};
  size_t drain_total_ = 0;  // tunnels open when it began
  size_t drain_ended_ = 0;
  absl::AnyInvocable<void()> on_empty_;
};

}  // namespace hawser::server
