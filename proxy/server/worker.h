// One thread with its loop, its share of every listener, its balancers, its counters and its connections. No
// other thread touches them; the server talks to a worker by Loop::Post.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/thread.h"
#include "proxy/cluster/departures.h"
#include "proxy/event/loop.h"
#include "proxy/net/buffer.h"
#include "proxy/server/change.h"
#include "proxy/server/fair_shares.h"
#include "proxy/server/listener.h"
#include "proxy/server/long_turns.h"
#include "proxy/session/backends.h"
#include "proxy/session/sessions.h"
#include "proxy/session/side.h"
#include "proxy/session/worker_services.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::server {

// A tunnel as the admin page shows it.
struct TunnelRow {
  std::string id, request_id, client, listener, protocol, route, cluster, endpoint, state;
  double age_seconds;
  session::Traffic traffic;
  struct Side {
    session::Side::Incoming incoming;
    session::Side::Outgoing outgoing;
  };
  Side client_side, backend_side;
};

struct TunnelRows {
  std::vector<TunnelRow> rows;
  bool more = false;  // tunnels may be behind them
};

class Worker {
 public:
  // `stick_table` and `via` must outlive the worker. `number` stands in the ids of its tunnels.
  Worker(std::unique_ptr<event::Loop> loop, std::shared_ptr<const session::Snapshot> snapshot,
         cluster::StickTable& stick_table, const http::Via& via, uint16_t number = 0);
  ~Worker();

  // Before Start: `socket` is this worker's own, bound at that address, for the listener with that index.
  absl::Status AddListener(Edge& edge, size_t index, std::string address, net::Socket socket);

  // Starts its thread, "worker-<number>". Once.
  absl::Status Start(int number);
  // Ends the loop and the thread, and whatever is still open.
  void Stop();

  // On the worker's thread (Post there): from now on `change` counts. `sockets` by listener; not open where
  // the address was bound before. Returns what the caller destroys elsewhere.
  Replaced Apply(Edge& edge, const Change& change, std::vector<net::Socket> sockets);
  // On the worker's thread: a cluster consists of that now. Returns likewise; `membership` itself, where the
  // cluster has gone meanwhile.
  std::shared_ptr<const cluster::Membership> Update(std::shared_ptr<const cluster::Membership> membership);
  // On the worker's thread: what is due for an endpoint that has left.
  void Depart(const cluster::Departures::Order& order);
  // On the worker's thread: an endpoint is unhealthy. Its tunnels of now end over `window`; not those whose
  // turn comes when they are not unwanted any more (Health::TunnelsUnwanted).
  void CloseUnhealthy(const std::shared_ptr<cluster::Endpoint>& endpoint, base::Duration window);
  // On the worker's thread: closes tunnels of an endpoint that sheds, spread over a second.
  void Shed(const FairShares::Order& order);
  // On the worker's thread: stops accepting, then as Sessions::DrainAll, over `window`, with that close code.
  void Drain(base::Duration window, uint16_t code, absl::AnyInvocable<void()> on_empty);
  // On the worker's thread: ends everything at once; tunnels with `drain.code` of the snapshot in force.
  void AbortAll(http::Reject reason);
  // On the worker's thread: the rows of up to `most` tunnels (at least 1) behind those that the last call
  // gave, closing ones first, then in the order in which they opened. `first` begins anew; only then may a
  // call follow one without more.
  TunnelRows NextTunnels(size_t most, bool first);

  event::Loop& loop() { return *loop_; }
  const stats::WorkerStats& stats() const { return stats_; }

 private:
  void StopListeners();
  void ApplyListeners(Edge& edge, const Change& change, std::vector<net::Socket> sockets);

  std::unique_ptr<event::Loop> loop_;
  net::BufferPool buffers_;
  stats::WorkerStats stats_;
  session::Sessions sessions_;
  session::WorkerServices services_;
  session::Backends backends_;
  absl::flat_hash_map<std::string, std::unique_ptr<Listener>> listeners_;  // by address
  LongTurns long_turns_;
  base::Thread thread_;
};

}  // namespace hawser::server
