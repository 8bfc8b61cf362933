// One request to a backend: picks an endpoint, waits to be admitted there, gets a stream to it from the pool,
// writes the head, and waits for the head of the answer. If a try fails before any byte of an answer, or with
// a status that `retry` names, another may follow, at the same endpoint or at another one, while `retry` and
// the method allow it (RFC 9110 §9.2.2, RFC 9113 §8.7). It knows nothing of the response to the client. Owned
// by the exchange, which drives it; loop thread only.
//
//   while (request.Advance() is neither kSent nor kFailed) wait for OnReady(tag); the timer: OnTimeout
//   kSent:   request.ReadHead(head), bodies both ways by request.stream(); OnEnded after kEnded
//   kFailed: request.failure() is the refusal for the client
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/pool.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/message_stream.h"
#include "proxy/http/reject.h"
#include "proxy/session/admission_queue.h"
#include "proxy/session/backends.h"
#include "proxy/session/record.h"
#include "proxy/session/retries.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class BackendRequest {
 public:
  enum class State : uint8_t {
    kPick,      // an endpoint for the next try
    kQueued,    // a WebSocket handshake waits for its admission
    kConnect,   // the pool is to give a stream
    kSendHead,  // the connection is being made, or the head is being written
    kSent,      // an answer is awaited, or has come
    kFailed,    // no other try follows
  };

  // All of it outlives the BackendRequest, or its last call.
  struct Request {
    const http::RequestHead& head;
    const http::UpgradeRequest* upgrade;  // null: no WebSocket
    RequestRecord& record;                // holds the endpoint; is told of the affinity cookie
    cluster::AffinityLookup session;      // what is known of its Socket.IO session
  };

  // Whom to call when something it waits for has happened.
  struct Waiter {
    event::IoHandler& owner;
    uint8_t tag;          // of the connection
    event::Timer& timer;  // bounds each try until its head is written
  };

  BackendRequest(WorkerServices& services, Backends& backends,
                 std::shared_ptr<cluster::WorkerCluster> cluster, const Request& request,
                 const Waiter& waiter);

  // Continues until it has to wait.
  State Advance();
  State state() const { return state_; }

  // The timer has fired before kSent.
  void OnTimeout();

  // In kSent: the next head of the answer. After kEnded call OnEnded.
  http::ClientStream::HeadState ReadHead(http::ResponseHead& head);
  // The backend has ended without an answer: the next Advance begins another try, or it is kFailed.
  // `body_begun`: some of the request's body has been taken from the client, so that it cannot be sent again.
  void OnEnded(bool body_begun);
  // Whether another try takes the place of this answer, whose head has just been read: then the next Advance
  // begins it. `body_begun` as above.
  bool Replaces(const http::ResponseHead& answer, bool body_begun);
  // No answer has come in time. The request is not sent again: the backend may be working on it.
  void OnLate();
  // The try's `per_try_timeout` begins anew: the request is not complete yet.
  void StartTryTime();
  // How long an answer may take now: `limit`, or what the try has left of that. 0: no limit.
  base::Duration TimeForHead(base::Duration limit) const;
  // That is over, for this try: then as OnEnded.
  bool TryIsOver() const { return services_.loop.now() >= try_until_; }
  void OnTryLate(bool body_begun);

  // In kSent, until the stream is taken, returned or given up.
  http::ClientStream& stream() {
    HAWSER_DCHECK(stream_ != nullptr);
    return *stream_;
  }
  // After HeadState::kTunnel, as ClientStream::TakeTunnel.
  std::unique_ptr<net::ByteStream> TakeTunnel(std::string& early) { return stream().TakeTunnel(early); }
  // The exchange is over: returns the connection to the pool, which closes it if it cannot carry another
  // request.
  void Return();
  // Gives the request up: its answer is not needed, and it is no longer counted as under way.
  void GiveUp();

  const config::Cluster& cluster_settings() const { return cluster_->cluster().settings(); }
  // Once an endpoint has been picked.
  cluster::Endpoint& endpoint() const {
    HAWSER_DCHECK(request_.record.endpoint != nullptr);
    return *request_.record.endpoint;
  }
  // Adds the cookie that leads the client back to endpoint(), where the response is to set one. Its text
  // goes into `arena`.
  void AddAffinityCookie(http::HeaderList& response, http::TextArena& arena) const;

  // Why the last failed try failed, and the same in words; kNone and "" if none failed.
  http::Reject failure() const { return failure_; }
  const std::string& failure_text() const { return failure_text_; }

 private:
  // How far the try at the picked endpoint has come, up to the first byte of an answer.
  enum class Try : uint8_t {
    kFirst,     // no connection yet; any will do
    kOnKept,    // on a connection that had been there: its end says nothing about the endpoint
    kOnNew,     // on a connection that was opened for it
    kAgain,     // no connection yet; another than the last one
    kRepeated,  // on that other connection: the endpoint gets no further try
  };
  enum class Blame : bool { kNobody, kEndpoint };

  cluster::Picked Ask();
  cluster::Picked Choose();
  void Pick();
  void Take(cluster::Picked& picked);
  bool TakeToken(cluster::Endpoint& endpoint);
  void Wait();
  void Queue();
  void LeaveQueue();
  void Connect();
  void BeginAttempt();
  void SendHead();
  void OnAttemptFailed(const cluster::Attempt& attempt);
  void OnConnectingFull(const cluster::Attempt& attempt);
  void OnSendFailed();
  void OnTryFailed(http::Reject reject, config::RetryOn cause, std::string why, Blame blame,
                   bool body_begun = false);
  void FailTrial(std::string_view why, cluster::Work work);  // as Health::OnFailure has them
  void Fail(http::Reject reject);
  bool MaySendAgain(bool body_begun) const;
  bool TryFollows(config::RetryOn cause, bool same);
  bool EnterRetry();
  void LogFailure();
  bool websocket() const { return request_.upgrade != nullptr; }
  // A backend that gets it twice does no harm (RFC 9110 §9.2.2).
  bool Repeatable() const { return websocket() || http::IsIdempotent(request_.head.method); }
  const config::Retry& retry() const { return cluster_settings().retry; }

  WorkerServices& services_;
  Backends& backends_;
  const std::shared_ptr<cluster::WorkerCluster> cluster_;
  Request request_;
  const Waiter waiter_;
  State state_ = State::kPick;

  std::vector<std::shared_ptr<const cluster::Endpoint>> tried_;  // without success
  cluster::Trial trial_;                                         // of endpoint()
  Try try_ = Try::kFirst;
  Retries retries_;
  bool timed_ = false;                                  // the timer runs for this try
  base::TimePoint try_until_ = base::TimePoint::max();  // the try's own time-out
  std::optional<base::TimePoint> queue_until_;      // over all lines that it waits in, from the first one on
  std::unique_ptr<AdmissionQueue::Waiter> queued_;  // in kQueued
  bool renew_affinity_ = false;
  http::Reject failure_ = http::Reject::kNone;
  std::string failure_text_;
  uint64_t connection_ = 0;                    // of the last try, as Attempt::connection
  uint64_t transport_ = 0;                     // of stream_, as Attempt::transport
  cluster::ConnectLease connecting_;           // while it is being made
  std::unique_ptr<cluster::Attempt> attempt_;  // in kConnect, once begun
  std::unique_ptr<http::ClientStream> stream_;
};

}  // namespace hawser::session
