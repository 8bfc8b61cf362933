// The bytes that a client sends after its request's head: the body, which goes to a backend, and bytes ahead
// of the answer (a tunnel's first frames, the next request), which its stream holds within a bound. Owned by
// the exchange; loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/check.h"
#include "proxy/http/message_stream.h"
#include "proxy/session/body_relay.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class Upload {
 public:
  // `client` must outlive this.
  explicit Upload(http::ServerStream& client) : client_(client) {}

  // Call it when the client's stream is readable and no body is under way. Holds up to `most` bytes. A client
  // that has only ended its own direction is kEnded; when it hangs up, kLeft.
  http::ServerStream::Ahead ReadAhead(size_t most, bool hung_up);

  // The head was sent to a backend and the body follows, beginning with the held bytes. `awaits_continue`:
  // the client sends it once the backend has said 100 (RFC 9110 §10.1.1).
  void Begin(bool awaits_continue);
  // The backend is given up and the request is sent again from its head: no byte of the body has been taken.
  void Withdraw();
  // The backend has said 100, or anything else that is no answer yet.
  void OnInterim() { awaits_continue_ = false; }

  enum class Progress : uint8_t {
    kStill,   // nothing has moved
    kMoved,   // something has, or nothing is left to move
    kBroken,  // the client is at fault for its end
  };
  // While under_way(): moves as much as possible. A backend may stop reading the body and still answer.
  Progress Pump(WorkerServices& services, http::MessageStream& backend);

  bool under_way() const { return body_ && !body_->done(); }
  // The body is on its way: the client need not wait for the backend first.
  bool moving() const { return under_way() && !awaits_continue_; }
  // Nothing but more of the body is awaited: the backend takes what comes.
  bool awaits_client() const { return moving() && !wants_write(); }
  bool begun() const { return bytes() > 0; }  // some of the body has been taken from the client
  bool awaits_continue() const { return awaits_continue_; }
  uint64_t bytes() const { return body_ ? body_->bytes() : 0; }  // of the body's payload, so far

  // Of the client's stream: whether it is to be read, or watched for its end alone.
  bool wants_read() const { return under_way() ? body_->wants_read() : client_state_ == ClientState::kSends; }
  bool wants_hang_up() const { return !under_way() && client_state_ != ClientState::kSends; }
  // Of the backend's stream.
  bool wants_write() const { return body_ && body_->wants_write(); }

 private:
  enum class ClientState : uint8_t {
    kSends,
    kFull,   // it has sent as much ahead as is held, and is read no more
    kEnded,  // it sends no more, and waits for its answer
  };

  http::ServerStream& client_;
  std::optional<BodyRelay> body_;  // once begun
  ClientState client_state_ = ClientState::kSends;
  bool awaits_continue_ = false;
};

}  // namespace hawser::session
