// One HTTP/1.1 connection as its server sees it, between the exchanges: reads the head of a request in
// bounded memory, answers requests that need no exchange, and closes with a lingering close (RFC 9112 §9).
// The admin listener, the demo's backends and session::ClientConnection each have one. It calls no other
// object: its owner watches the stream and the timer, and passes their events on.
//
//   ServerConnection http(loop, buffers, stream, {.limits = ...});
//   stream.Watch(this, kTag);
//   stream.Want({.read = true});
//
//   http::RequestHead head;                       // OnReady, as long as the request is not the owner's
//   switch (http.Advance(head)) {
//     case kWaiting: return;
//     case kRequest: return http.Answer(PageAt(head.path())) ...    // now, or later: no events until then
//     case kRejected: return http.Answer(http::RefusalOf(http.reject(), random())) ...
//     case kOver: return Drop();
//   }
//
//   kHead ── a head is whole, or is none ──▶ kRequest ── Answer, Finish ──▶ kLast ──▶ over
//     ▲                                         │
//     └──────────── Next ◀── TakeRequest ───────┘
//
// It holds the bytes of one head, at most limits.head_bytes and one read, and the part of an answer that the
// stream has not taken. It arms its owner's timer with the deadlines; when that fires, the owner gives up or
// answers. Loop thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/head.h"
#include "proxy/http/local_response.h"
#include "proxy/http/reject.h"
#include "proxy/http1/head_parser.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/outbox.h"

namespace hawser::http1 {

class ServerConnection {
 public:
  // 0: none.
  struct Deadlines {
    base::Duration head{0};  // for a whole head: from Begin, and on a kept connection from its first byte
    base::Duration keep_alive{0};  // between two requests
    base::Duration linger{0};      // for the client's end, behind the last answer
  };

  struct Options {
    HeadLimits limits;
    Deadlines deadlines;
    event::Timer* timer = nullptr;  // null where there are no deadlines
  };

  enum class Progress : uint8_t {
    kWaiting,   // for the client, or for the owner's answer
    kRequest,   // a head has come whole
    kRejected,  // not a valid request: reject() says why
    kOver,      // the client has gone, or has got all there is for it: close the stream
  };

  // What an exchange takes over. `head` has views into `bytes`, which may move: the text does not.
  struct Request {
    std::string bytes;   // from the first of the head
    std::string behind;  // what has already come behind the head
  };

  // `stream`, `buffers` and the loop outlive it.
  ServerConnection(event::Loop& loop, net::BufferPool& buffers, net::ByteStream& stream, Options options)
      : loop_(loop), buffers_(buffers), stream_(stream), options_(options) {}
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  // --- A request ---

  // For those that start from here on.
  void SetDeadlines(const Deadlines& deadlines) { options_.deadlines = deadlines; }

  // Starts the deadline of the first head; for owners with deadlines.
  void Begin() { Arm(options_.deadlines.head); }

  // Continues with the bytes that have come from the client. `head` is filled at kRequest, with views that
  // live until TakeRequest's result does or an answer is given.
  Progress Advance(http::RequestHead& head);

  // The two halves of Advance, for an owner that looks at the bytes before they are parsed as HTTP/1.1. Only
  // while a head is awaited. Receive is one read: kOk: bytes have come; kBlocked: none; kEnd: no more will
  // come, but the held bytes may be a whole request; kError: the stream is broken. Parse is kWaiting while
  // the head is not whole.
  net::IoState Receive();
  Progress Parse(http::RequestHead& head);

  http::Reject reject() const { return reject_; }
  std::string_view received() const { return in_; }
  // No request has come whole on this connection yet.
  bool first() const { return first_; }
  // The deadline of a request's head runs: of the first request, or of one whose first bytes have come.
  bool head_due() const { return state_ == State::kHead && (first_ || !in_.empty()); }
  // A head has come, and the owner's answer has not.
  bool awaits_answer() const { return state_ == State::kRequest; }

  // Hands the request over, after kRequest.
  Request TakeRequest();
  // An exchange has answered it, and another request may follow: `held` has come of it. Parse looks at that.
  void Next(std::string held);

  // --- The end ---

  // Sends the connection's last answer, with Connection: close, then does as Finish. The answer to a HEAD has
  // no body. Also allowed while a head is awaited (a time-out, a refusal).
  Progress Answer(const http::LocalResponse& response);
  // Nothing more is sent: begins the lingering close (net/linger.h). kWaiting or kOver.
  Progress Finish();
  // Continues the lingering close, as Advance does.
  Progress Linger();
  // Closes the stream; nothing is called after it.
  void Close(net::CloseReason reason);

 private:
  enum class State : uint8_t {
    kHead,     // a request is awaited
    kRequest,  // it is the owner's
    kLast,     // all is said, and may have to be sent yet; what still comes is dropped
  };

  Progress ReadHead(http::RequestHead& head);
  void Arm(base::Duration after);

  event::Loop& loop_;
  net::BufferPool& buffers_;
  net::ByteStream& stream_;
  Options options_;
  std::string in_;         // received and not yet handed over: the start of a head, or pipelined requests
  size_t scanned_ = 0;     // bytes of in_ that the parser need not look at again
  size_t head_bytes_ = 0;  // of in_, in State::kRequest
  net::Outbox outbox_;     // the last answer
  State state_ = State::kHead;
  http::Reject reject_ = http::Reject::kNone;
  bool first_ = true;
  bool head_request_ = false;  // the request is a HEAD
};

}  // namespace hawser::http1
