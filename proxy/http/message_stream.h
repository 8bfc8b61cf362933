// One request and its response as a connection carries them, whatever the protocol: a ByteStream of body
// payload, with a head before it and maybe trailers behind it. HTTP/1.1 and HTTP/2 each have one class for
// either side; an Exchange sees these two interfaces and never asks which protocol is behind them
// (docs/decisions/0005-message-streams.md).
//
//   Read      payload of the received body; kEnd: the body is complete; kError: truncated, malformed or reset
//   Write     payload of the sent body; Write({}) flushes the bytes that the stream holds, heads included
//   ShutdownWrite   the sent body is complete
//   Close     ends the exchange: kOrderly if it is complete, kAbort if it is not
//
// In the heads that pass here a WebSocket handshake has one form: a GET, and a 101 without a reason, neither
// with Upgrade, Connection, Sec-WebSocket-Key or Sec-WebSocket-Accept, which each protocol adds and checks
// itself. They never contain hop-by-hop fields.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/clock.h"
#include "proxy/http/head.h"
#include "proxy/http/upgrade.h"
#include "proxy/net/byte_stream.h"

namespace hawser::http {

class MessageStream : public net::ByteStream {
 public:
  // The trailer fields behind the body that was received; complete once Read has returned kEnd. They live as
  // long as the stream. Fields that frame, route or authenticate a message are omitted (RFC 9110 §6.5.1).
  virtual const HeaderList& trailers() const = 0;

  // The received body has been read completely and no trailers follow: Read returns kEnd next.
  virtual bool complete() const = 0;

  // After Read has failed: the body was malformed, not just truncated.
  virtual bool malformed() const { return false; }

  // ShutdownWrite with trailer fields behind the body; they are omitted if the protocol cannot carry them.
  virtual void EndWithTrailers(const HeaderList& trailers) = 0;
};

// The side where hawser is the server: a client has sent a request head, which its owner gave to the
// exchange.
class ServerStream : public MessageStream {
 public:
  enum class Ahead : uint8_t {
    kNothing,
    kTooMuch,  // more than was allowed
    kEnded,    // the client sends no more, and may still read
    kLeft,     // the client has gone, or has reset the stream
  };
  // While the answer is awaited and the body is not being read: receives and holds what the client sends
  // ahead (a tunnel's first frames, the next request), up to `most` bytes, and detects a client that leaves.
  virtual Ahead ReadAhead(size_t most) = 0;

  // Queue a head; false, with nothing queued, if the protocol cannot carry it (a field that could end its
  // line, a 2xx that would wrongly open a WebSocket). `head.body` says whether a body follows; without one
  // the response is complete.
  [[nodiscard]] virtual bool SendInterim(const ResponseHead& head) = 0;  // 1xx but 101
  // `keep`: another request may follow on the connection, if the protocol agrees.
  [[nodiscard]] virtual bool SendResponse(const ResponseHead& head, bool keep) = 0;
  // As the 101, or the 200 to an extended CONNECT; the bytes that follow in both directions are the tunnel's.
  [[nodiscard]] virtual bool OpenTunnel(const ResponseHead& head, const UpgradeRequest& upgrade) = 0;

  // After a complete response: another request may follow on the connection.
  virtual bool reusable() const = 0;
};

// The side where hawser is the client of a backend.
class ClientStream : public MessageStream {
 public:
  // Queues the head; false if the protocol cannot carry it. `upgrade` is not null for a WebSocket handshake
  // and must outlive ReadResponse. `head.body` says whether a body follows.
  [[nodiscard]] virtual bool SendRequest(const RequestHead& head, const UpgradeRequest* upgrade) = 0;

  enum class HeadState : uint8_t {
    kBlocked,     // more has to come
    kInterim,     // a 1xx other than 101; the next head follows
    kFinal,       // `head.body` says whether a body follows
    kTunnel,      // the WebSocket is open: 101 with the right fields, or a 2xx to an extended CONNECT
    kMalformed,   // not a response
    kBadUpgrade,  // a 101 that was not requested or is not exactly right
    kEnded,       // the connection ended, or the stream was reset, without one
  };
  // Takes the next head. Its text lives until the next call, or as long as the stream for a final one.
  virtual HeadState ReadResponse(ResponseHead& head) = 0;

  // After a failure: the backend has certainly not acted on the request, so even a request that is not
  // idempotent may be sent again (nothing of it was sent, or its stream was refused or is above the last
  // stream of a GOAWAY, RFC 9113 §8.7).
  virtual bool unprocessed() const = 0;
  // Some of the answer has come, even if only a part of a head.
  virtual bool answered() const = 0;

  // After kTunnel: the stream of the tunnel's bytes; `early` gets the bytes that have already come. This
  // object can only be destroyed afterwards.
  virtual std::unique_ptr<net::ByteStream> TakeTunnel(std::string& early) = 0;

  struct Idle {
    std::unique_ptr<net::ByteStream> transport = nullptr;
    base::Duration at_most = base::Duration::max();  // from now on, as the backend has announced
  };
  // After a complete exchange: the connection, if another request can be sent on it; null if not, or if the
  // connection is shared and stays with its session. This object can only be destroyed afterwards.
  virtual Idle TakeIdle() = 0;
};

}  // namespace hawser::http
