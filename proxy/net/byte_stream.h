// An ordered stream of bytes in both directions: TcpStream, tls::TlsStream, http2::Stream, and the tests'
// FakeStream. Never blocks, buffers nothing that it could refuse, and calls nobody but the IoHandler that
// watches it. One of the virtual interfaces (docs/architecture.md).
//
//   stream->Watch(&handler, kClient);       // who gets its events
//   IoResult got = stream->Read(scratch);   // until kBlocked, kEnd or kError
//   stream->Want({.read = true});           // OnReady(tag) when there is more
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"

namespace hawser::net {

enum class IoState : uint8_t {
  kOk,  // all that was asked for: Read filled some of the span and there may be more, Write took every byte
  kBlocked,  // after `bytes`, nothing more for now
  kEnd,  // Read only, with bytes == 0: the peer ended its direction in order (FIN, close_notify, END_STREAM)
  // The stream is broken, with bytes == 0: reset, time-out, a TLS violation, a TLS stream cut without
  // close_notify.
  kError,
};

struct IoResult {
  size_t bytes = 0;
  IoState state = IoState::kOk;
};

enum class CloseReason : uint8_t {
  kOrderly,  // what was written is delivered, then the end
  kAbort,    // the peer is to see a reset (RST, RST_STREAM): what is not yet sent may be lost
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Names the handler that gets this stream's events from now on, and their tag. `handler` outlives the
  // stream or is replaced; null: nobody, and nothing is wanted.
  virtual void Watch(event::IoHandler* handler, uint8_t tag) = 0;

  // Which events to report: .read when bytes, an end or an error can be read, .write when Write can take
  // more, .hang_up when the connection breaks (OnReady with hung_up). Level-triggered. Cheap when nothing
  // changes.
  virtual void Want(event::Interest interest) = 0;

  // Takes up to into.size() bytes, which is not 0. kOk: bytes > 0, and more may be there. kBlocked: `bytes`
  // (may be > 0) was all.
  virtual IoResult Read(std::span<std::byte> into) = 0;

  // Hands over a prefix of `bytes`. kBlocked: the rest was not taken; Want({.write}) tells when to offer it
  // again. An empty span flushes what the stream itself still holds (TLS records): kOk when nothing is left.
  virtual IoResult Write(std::span<const std::byte> bytes) = 0;

  // Ends our direction once all that was taken is sent; reading goes on. Idempotent.
  virtual void ShutdownWrite() = 0;

  // Write of the last bytes there are, and ShutdownWrite behind them: in one packet where the stream can.
  // After kBlocked both are still to be done for the rest.
  virtual IoResult WriteLast(std::span<const std::byte> bytes) {
    const IoResult put = Write(bytes);
    if (put.state == IoState::kOk) ShutdownWrite();
    return put;
  }

  // Ends both directions at once; the descriptor is closed and no handler is called for this stream again.
  // Idempotent. After it Read and Write return kError.
  virtual void Close(CloseReason reason) = 0;

  // Whether bytes that Write took are still on their way and the peer's host has acknowledged some within the
  // last `within`: then a silent peer may be busy receiving. A system call; for verdicts, not for every turn.
  virtual bool Delivering(base::Duration within) const = 0;

  // For how long the peer's host has answered nothing, though bytes that Write took are on their way to it; 0
  // where it has answered what it was sent last. None: nothing is on its way, or it is unknown. A system
  // call; for verdicts.
  virtual std::optional<base::Duration> HostSilence() const { return std::nullopt; }

  // A number that changes whenever the peer's host, or the peer itself, takes some of the bytes that are on
  // their way to it; 0 where it is unknown. A system call; for verdicts.
  virtual uint32_t TakenMark() const { return 0; }

  // Bounds for the kernel's memory, where it is a socket that holds the bytes: of those that Write took and
  // that wait to be sent, and of those that wait for Read (net/socket_memory.h); 0 lifts the latter. Over
  // HTTP/2 the window bounds them.
  virtual void LimitUnsent(size_t /*bytes*/) {}
  virtual void LimitUnread(size_t /*bytes*/) {}

  // The descriptor of an open plain socket whose bytes are just this stream's, for splice(2); -1 where there
  // is none.
  virtual int plain_socket() const { return -1; }

  // The errno of the kError returned last; 0 where it was no system call that failed. After Read, two of them
  // mean that the connection still stands but what the peer sent on it cannot be decoded: EBADMSG, it is
  // malformed; ENOBUFS, there is no room to decode it. Read then gives what follows as it comes, and Write
  // goes on.
  virtual int error() const { return 0; }
  // The same in words, for the log, where more is known than the errno.
  virtual std::string error_text() const { return std::generic_category().message(error()); }
};

}  // namespace hawser::net
