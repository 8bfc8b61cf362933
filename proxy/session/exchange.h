// One request's life, for a WebSocket and for any other request alike:
//
//   route → filters → pick → connect → send head → await head → tunnel │ relay
//
// Whoever owns the client's connection drives it: Advance runs until the exchange waits for something, and says by its
// return value what came of it. Nothing here calls up.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/context.h"
#include "proxy/cluster/cluster.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/http/upgrade.h"
#include "proxy/http1/body.h"
#include "proxy/net/tcp_stream.h"
#include "proxy/session/body_relay.h"
#include "proxy/session/environment.h"
#include "proxy/session/record.h"

namespace hawser::session {

class Exchange {
 public:
  // Tags under which the owner hears of the client's stream, and of what is the exchange's own.
  static constexpr uint8_t kClientTag = 0;
  static constexpr uint8_t kBackendTag = 1;
  static constexpr uint8_t kTimerTag = 2;
  static constexpr uint8_t kFilterTag = 3;

  enum class Progress : uint8_t {
    kWaiting,
    kTunnel,     // the 101 is written: take the tunnel's parts
    kReusable,   // the response is complete, and another request may follow
    kFinished,   // the response is complete, nothing may follow
    kBroken,     // the client cannot be told more: cut its connection
  };

  struct Client {
    net::ByteStream& stream;
    const ListenerRuntime& listener;
    const net::SocketAddress& peer;
    bool tls;
  };

  // `head` views into `head_bytes`, which are kept. `behind` is what has already come behind the head.
  Exchange(Environment& environment, std::shared_ptr<const Snapshot> snapshot, event::IoHandler& owner, Client client,
           std::string head_bytes, http::RequestHead head, std::string behind);
  ~Exchange();

  Progress Advance(event::Ready ready);

  // After kTunnel.
  std::unique_ptr<net::ByteStream> TakeBackend() { return std::move(backend_); }
  std::unique_ptr<RequestRecord> TakeRecord() { return std::move(record_); }
  cluster::OpenLease TakeLease() { return std::move(lease_); }
  filters::Leftovers TakeLeftovers() { return context_->TakeLeftovers(); }
  std::string_view early_from_client() const { return behind_; }
  std::string_view early_from_backend() const { return response_; }
  bool deflate() const { return deflate_; }

  // After kReusable: what came behind this request.
  std::string TakePipelined() { return std::move(behind_); }

 private:
  enum class State : uint8_t {
    kStart,      // classify, route
    kFilters,    // may wait, for an answer from elsewhere
    kPick,
    kSendHead,   // the connection is being made, or the head is being written
    kAwaitHead,
    kSwitch,     // the 101 is being written
    kRelay,
    kDone,
  };

  Progress Run(event::Ready ready);
  void Start();
  void RunFilters();
  void Pick();
  void SendHead();
  void AwaitHead();
  void OnResponseHead(size_t head_bytes);
  void SwitchProtocols();
  void StartRelay();
  void Relay();
  void ReadClient();
  void Refuse(http::Reject reject);
  void OnConnectFailure(http::Reject reject);
  void OnTimer();
  void ClientLeft();
  void Finish(Progress progress, ClosedBy closed_by, http::Reject reason);

  void PrepareRecord();
  bool AppendRequest(std::string& bytes) const;
  void AddAffinityCookie();
  bool websocket() const { return upgrade_.websocket; }

  Environment& environment_;
  std::shared_ptr<const Snapshot> snapshot_;
  event::IoHandler& owner_;
  Client client_;
  State state_ = State::kStart;
  Progress progress_ = Progress::kWaiting;
  std::string head_bytes_;
  http::RequestHead head_;
  http::Keep keep_;
  std::string behind_;       // early bytes of a WebSocket, the start of a body, pipelined requests
  http::UpgradeRequest upgrade_;
  http1::Framing request_framing_;
  bool keep_alive_;          // the client would send another request

  std::unique_ptr<RequestRecord> record_;
  net::SocketAddress client_address_;
  std::optional<filters::Connection> arrival_;  // views into the members before it; context_ views into it
  std::optional<filters::Context> context_;
  size_t cluster_index_ = 0;
  std::vector<const cluster::Endpoint*> tried_;
  cluster::Endpoint* endpoint_ = nullptr;
  bool renew_affinity_ = false;
  cluster::OpenLease lease_;
  cluster::ConnectLease connecting_;

  std::unique_ptr<net::ByteStream> backend_;
  event::Timer timer_;
  std::string outgoing_;     // the head that is being written, to the backend and later to the client
  size_t outgoing_sent_ = 0;
  std::string response_;     // received from the backend and not yet consumed
  size_t response_scanned_ = 0;
  http::ResponseHead response_head_;
  bool deflate_ = false;
  bool response_started_ = false;  // the client has seen the start of a response
  std::optional<BodyRelay> request_body_;
  std::optional<BodyRelay> response_body_;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

}  // namespace hawser::session
