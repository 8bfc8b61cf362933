// What goes to the client in answer to its request: interim responses, then one final head with its body,
// which is a backend's or hawser's own. It holds a backend's head until the body behind it was read once, so
// that a second head never follows one that was sent. Owned by the exchange; loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/http/head.h"
#include "proxy/http/local_response.h"
#include "proxy/http/message_stream.h"
#include "proxy/session/body_relay.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class ClientResponse {
 public:
  // `client` must outlive this.
  explicit ClientResponse(http::ServerStream& client) : client_(client) {}

  // The head that is read from a backend, or is made here, and goes out next.
  http::ResponseHead& head() { return head_; }

  // A final head has gone into the client's stream: no other may follow.
  bool started() const { return state_ == State::kStarted; }

  // Sends head() as an interim response; FlushInterim follows. False: the protocol cannot carry it.
  [[nodiscard]] bool SendInterim();
  // kError: the client has gone.
  net::IoState FlushInterim();
  // The client has not taken all of the last interim response: no other can be sent.
  bool interim_waits() const { return interim_waits_; }

  // Sends head() as the one that opens a tunnel. False: the protocol cannot carry it.
  [[nodiscard]] bool OpenTunnel(const http::UpgradeRequest& upgrade);

  // head() is the final one; Relay sends it, and the body behind it.
  void Hold();
  // Moves as much of the body from `backend` as possible; `look` is called with each piece first. `keep`:
  // another request may follow on the client's connection. kSinkBroken: the client has gone, or, if not
  // started(), the protocol cannot carry the head.
  BodyRelay::Progress Relay(WorkerServices& services, http::MessageStream& backend, bool keep,
                            BodyRelay::Look look);
  // Whether the body has moved since this was asked last.
  bool TakeMoved() { return body_->TakeMoved(); }

  // Instead of a backend's response: head() becomes the one of `answer` to a request of that method;
  // SendAnswer sends it, and the body behind it. False: the client can be sent no more.
  void SetAnswer(http::LocalResponse answer, std::string_view method);
  [[nodiscard]] bool SendAnswer(bool keep);
  // Sends the rest of the answer. kOk: all was sent.
  net::IoState FlushAnswer();

  bool wants_read() const { return !body_ || body_->wants_read(); }  // the backend's stream
  bool wants_write() const { return interim_waits_ || (body_ && body_->wants_write()); }
  uint64_t bytes() const { return body_ ? body_->bytes() : 0; }  // of a backend's body

 private:
  enum class State : uint8_t {
    kAwaited,
    kHeld,     // the backend's head is here; nothing of it has gone into the client's stream
    kStarted,  // a final head has gone into the client's stream
  };

  void Start();

  http::ServerStream& client_;
  State state_ = State::kAwaited;
  bool interim_waits_ = false;  // the client has not taken all of an interim response
  http::ResponseHead head_;
  std::optional<BodyRelay> body_;  // of a backend
  http::LocalResponse answer_;     // of hawser's own
  size_t answer_sent_ = 0;         // of its body
};

}  // namespace hawser::session
