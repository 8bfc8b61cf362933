// A lingering close (RFC 9112 §9.6): our direction ends, and what the peer still sends is read and dropped until its own end
// comes. A descriptor that is closed with unread bytes resets the connection, and a reset that overtakes the last answer
// takes that answer away from the peer.
//
//   state_ = State::kLinger;
//   loop.Arm(timer_, longest);                                              // the bound: at its end, close
//   if (net::Linger(loop, *stream_, outbox_) == Lingering::kOver) Close();  // now, and at each OnReady
#pragma once

#include <cstdint>

#include "proxy/event/loop.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/outbox.h"

namespace hawser::net {

enum class Lingering : uint8_t {
  kGoesOn,  // the stream wants what it has to be told of: call again
  kOver,    // all is sent and the peer has ended, or the stream is broken: nothing is left but to close it
};

// One step: ends our direction behind what waits in `outbox`, sends what can be sent, and drops one read, which goes into the
// loop's scratch. Nothing is to be written later. What comes is not counted: dropping it costs no memory, and the owner's
// timer bounds it.
[[nodiscard]] Lingering Linger(event::Loop& loop, ByteStream& stream, Outbox& outbox);

}  // namespace hawser::net
