// A request that hawser itself makes, on its way to an endpoint: gets a stream from the pool, sends the head
// and the body, and reads the answer's heads up to the final one. Where a kept connection ends before a byte
// of an answer, the request goes out once more on another one, if it may (RFC 9110 §9.2.2). It has no timer:
// its owner bounds it. Loop thread only.
//
//   switch (request.Advance()) {...}   // again at each OnReady(tag) while it is before kAnswered
//   kAnswered: request.answer(), the body by request.stream(), then Return
//   kTunnel:   request.TakeTunnel(early)
//   kFailed:   request.error() and why()
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/cluster/pool.h"
#include "proxy/http/head.h"
#include "proxy/http/message_stream.h"
#include "proxy/http/upgrade.h"

namespace hawser::cluster {

enum class CallError : uint8_t {
  kNone,
  kLocal,      // hawser's side: no port, no descriptor, the end of the pool, a head that cannot be sent
  kConnect,    // no connection could be made, or no TLS over it
  kTimedOut,   // no whole answer in time, whatever it waited for
  kEnded,      // the connection ended, or the stream was reset, before the answer was complete
  kMalformed,  // not an answer in HTTP; to a handshake: a 101 that is not exactly right
  kTooLarge,   // the body is larger than it may be
};

class SentRequest {
 public:
  enum class State : uint8_t {
    kConnect,   // the pool is to give a stream
    kSend,      // the connection is being made, or head and body are being written
    kAwait,     // all is sent
    kAnswered,  // the final head is there; maybe before all was sent
    kTunnel,    // the WebSocket is open
    kFailed,
  };

  // All of it outlives the SentRequest.
  struct Request {
    const http::RequestHead& head;  // with `body` if there is one
    std::string_view body = {};
    const http::UpgradeRequest* upgrade = nullptr;  // null: no WebSocket
  };

  // `owner` gets the events of the stream, also after kAnswered, under `tag`.
  SentRequest(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
              std::shared_ptr<Endpoint> endpoint, const Request& request, event::IoHandler& owner,
              uint8_t tag);
  // Lets go of whatever is under way.
  ~SentRequest();
  SentRequest(const SentRequest&) = delete;
  SentRequest& operator=(const SentRequest&) = delete;

  // Goes on until it has to wait.
  State Advance();
  State state() const { return state_; }

  const http::ResponseHead& answer() const {
    HAWSER_DCHECK(state_ == State::kAnswered || state_ == State::kTunnel);
    return answer_;
  }
  http::ClientStream& stream() {
    HAWSER_DCHECK(stream_ != nullptr);
    return *stream_;
  }
  // After kAnswered, once the body has been read: the connection is the pool's again, which closes it if it
  // cannot carry another request.
  void Return();
  // After kTunnel, once, as ClientStream::TakeTunnel. The answer's text ends with it.
  std::unique_ptr<net::ByteStream> TakeTunnel(std::string& early) {
    HAWSER_DCHECK(state_ == State::kTunnel && stream_ != nullptr);
    return std::exchange(stream_, nullptr)->TakeTunnel(early);
  }

  // After kFailed.
  CallError error() const { return error_; }
  const std::string& why() const { return why_; }
  // Where its owner waits no longer: what has not come in time, in words.
  std::string_view WhatIsLate() const;

 private:
  void Connect();
  void Send();
  void Await();
  bool OnHead(http::ClientStream::HeadState read);
  void OnEnded(CallError error);
  void Fail(CallError error, std::string why);
  bool MaySendAgain() const;

  event::Loop& loop_;
  Pool& pool_;
  const std::shared_ptr<const Cluster> cluster_;
  const std::shared_ptr<Endpoint> endpoint_;
  const Request request_;
  event::IoHandler& owner_;
  const uint8_t tag_;
  State state_ = State::kConnect;
  CallError error_ = CallError::kNone;
  bool kept_ = false;        // its connection had been there before
  bool again_ = false;       // this is the second try
  bool body_ended_ = false;  // all of it was written
  uint8_t interim_ = 0;      // heads of 1xx that have come
  size_t body_sent_ = 0;
  uint64_t connection_ = 0;  // as Attempt::connection
  uint64_t transport_ = 0;   // as Attempt::transport
  std::string why_;
  http::ResponseHead answer_;
  ConnectLease connecting_;
  std::unique_ptr<Attempt> attempt_;  // in kConnect, once begun
  std::unique_ptr<http::ClientStream> stream_;
};

// Why a stream is broken, or `otherwise` where it does not know.
std::string WhyOf(const net::ByteStream& stream, std::string_view otherwise);

}  // namespace hawser::cluster
