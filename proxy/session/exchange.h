// Handles one request, a WebSocket handshake or any other:
//
//   route → filters → pick → connect → send head → await head → tunnel │ relay │ answer
//
// Both ends are message streams, so nothing here depends on a protocol's version (http/message_stream.h). A
// BackendRequest faces the backend, an Upload holds what the client sends meanwhile, and a ClientResponse
// sends the response. The owner of the client's connection drives the exchange: Advance runs until it has to
// wait, and returns the result. Nothing here calls up.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "filters/verdict.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/head.h"
#include "proxy/http/local_response.h"
#include "proxy/http/message_stream.h"
#include "proxy/http/reject.h"
#include "proxy/http/upgrade.h"
#include "proxy/session/backend_request.h"
#include "proxy/session/backends.h"
#include "proxy/session/client_response.h"
#include "proxy/session/edge_leases.h"
#include "proxy/session/filter_run.h"
#include "proxy/session/record.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/socket_io.h"
#include "proxy/session/tunnel_opening.h"
#include "proxy/session/upload.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class Exchange {
 public:
  // Tags of the owner's events: of the client's stream, and of the exchange's own streams and timers.
  static constexpr uint8_t kClientTag = 0;
  static constexpr uint8_t kBackendTag = 1;
  static constexpr uint8_t kTimerTag = 2;
  static constexpr uint8_t kFilterTag = 3;

  enum class Progress : uint8_t {
    kWaiting,
    kTunnel,    // the tunnel's head is written: take its parts
    kReusable,  // the response is complete, and another request may follow
    kFinished,  // the response is complete, nothing may follow
    kBroken,    // nothing more can be sent to the client: cut its connection or stream
  };

  struct Client {
    http::ServerStream& stream;  // watched by the owner under kClientTag
    std::shared_ptr<const ListenerRuntime> listener;
    const net::SocketAddress& peer;
    bool tls;
    http::Reject reject = http::Reject::kNone;  // what its codec found wrong with the request
  };

  // The text of `head` lives as long as client.stream.
  Exchange(WorkerServices& services, Backends& backends, event::IoHandler& owner, Client client,
           http::RequestHead head);
  ~Exchange();

  // Not after it has returned anything but kWaiting.
  Progress Advance(event::Ready ready);

  // Ends it for a reason of hawser's own; then it is destroyed.
  void GiveUp(http::Reject reason);

  // It has a route, and `which` holds for the id of that.
  bool HasRoute(absl::FunctionRef<bool(uint32_t id)> which) const {
    return record_ && record_->route != nullptr && which(record_->route->name.id());
  }

  // Nothing but the client's body is awaited: the backend's answer has not begun, and it takes what comes.
  bool awaits_body() const { return state_ == State::kAwaitHead && upload_.awaits_client(); }

  // After kTunnel: the end of the exchange and the beginning of a Tunnel. `client` carries the tunnel's
  // bytes, `early` has been read from it already.
  void OpenTunnel(std::unique_ptr<net::ByteStream> client, EdgeLeases leases, std::string_view early);

 private:
  enum class State : uint8_t {
    kStart,      // classify, route
    kFilters,    // may wait, for an answer from elsewhere
    kConnect,    // a backend is being asked: pick, connect, send the head, again if that comes to nothing
    kAwaitHead,  // of the answer
    kSwitch,     // the head that opens the tunnel is being written
    kRelay,
    kAnswer,  // a response of hawser's own, or of the route's, is being written
    kDone,
  };

  // The request.
  void Start();
  void RunFilters();
  void AskBackend();
  std::shared_ptr<cluster::WorkerCluster> FindCluster();
  void Connect();
  void OnTryFailed();
  void OnRequestSent();

  // The client, while the backend is asked.
  void ReadAhead(bool hung_up);
  bool PumpUpload();
  void OnUploadBroken();
  void WatchClient();
  void ClientLeft();

  // The backend's answer.
  void AwaitHead();
  void OnInterim();
  void FlushInterim();
  void OnTunnel();
  void SwitchProtocols();
  void StartRelay();
  void Relay();
  void WatchBackend();

  // Answers of hawser's own, and ends.
  void Refuse(http::Reject reject);
  void Answer(http::LocalResponse response, bool keep, http::Reject reason = http::Reject::kNone);
  void FlushAnswer();
  void Finish(Progress progress, http::Reject reason = http::Reject::kNone);

  // Time.
  void OnTimer();
  http::Reject LateReason() const;
  void ArmForHead();
  void ArmFor(base::Duration limit) {  // 0: none
    limit.count() > 0 ? services_.loop.Arm(timer_, limit) : timer_.Cancel();
  }

  // No further request follows on this connection: the server drains, or the listener has gone.
  bool Leaving() const;
  bool websocket() const { return upgrade_.websocket; }
  const config::Route& route() const { return record_->route->settings; }

  WorkerServices& services_;
  Backends& backends_;
  event::IoHandler& owner_;
  Client client_;
  uint64_t generation_ = 0;  // of the snapshot in which it found its route
  State state_ = State::kStart;
  Progress progress_ = Progress::kWaiting;
  http::RequestHead head_;
  http::TextArena arena_;
  http::UpgradeRequest upgrade_;
  http::Reject refusal_ = http::Reject::kNone;  // of kAnswer; kNone: the answer is the route's

  std::optional<RequestRecord> record_;
  std::optional<FilterRun> filters_;          // on a route that has some; views into the members before it
  std::optional<SocketIoSession> socket_io_;  // on a route that follows such sessions
  event::Timer timer_;
  std::optional<BackendRequest> backend_;  // once a backend is asked; refers to the members before it
  Upload upload_;
  ClientResponse response_;
  TunnelOpening opening_;
};

}  // namespace hawser::session
