// What a worker lends to the sessions that it runs. One a worker, outlives them all; its thread only, but for what is
// shared by nature (snapshot, access log).
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "proxy/base/intrusive_list.h"
#include "proxy/base/secret_numbers.h"
#include "proxy/base/stepped_list.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/pool.h"
#include "proxy/cluster/stick_table.h"
#include "proxy/event/loop.h"
#include "proxy/http/via.h"
#include "proxy/net/buffer.h"
#include "proxy/net/pipe.h"
#include "proxy/session/access_log.h"
#include "proxy/session/snapshot.h"
#include "proxy/stats/worker_stats.h"
#include "proxy/ws/deflate_pool.h"

namespace hawser::session {

class ClientConnection;
class Http2Connection;
class Tunnel;

// Reads of one stream in one turn, so that a flood through it leaves turns to the others.
inline constexpr int kReadsPerTurn = 4;

// Where a worker's compression is counted.
ws::DeflateCounters DeflateCountersOf(stats::WorkerStats& stats);

struct Environment {
  event::Loop& loop;
  net::BufferPool& buffers;
  cluster::Pool& pool;  // of connections to backends
  stats::WorkerStats& stats;
  AccessLog* access_log;                         // null: none
  cluster::StickTable& stick_table;              // of all workers
  const http::Via& via;                          // of this process
  std::shared_ptr<const Snapshot> snapshot;      // for new requests
  std::vector<cluster::WorkerCluster> clusters;  // this worker's balancers, by the snapshot's cluster index
  std::mt19937_64 random;                        // for balancing and jitter; nothing that is to stay secret
  base::SecretNumbers secrets;
  std::vector<std::string> listener_ports;  // decimal, by listener index; empty: a Unix socket
  net::Pipe pipe;                           // for large frames on their way from socket to socket
  ws::DeflatePool deflate{snapshot->config->limits.compression_contexts, DeflateCountersOf(stats)};
  bool draining = false;

  base::IntrusiveList<ClientConnection> connections;  // those that have no tunnel
  base::IntrusiveList<Http2Connection> http2_connections;
  base::SteppedList<Tunnel> tunnels;  // open
  base::SteppedList<Tunnel> closing_tunnels;

  uint32_t refused_connections = 0;  // being answered, of those that were not admitted

  // TLS handshake steps taken in turn `handshake_turn`, by listener.
  uint64_t handshake_turn = 0;
  std::vector<uint32_t> handshakes_taken;
};

}  // namespace hawser::session
