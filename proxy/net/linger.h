// A lingering close (RFC 9112 §9.6): our direction ends, and bytes from the peer are read and dropped until
// the peer ends too. Closing a descriptor with unread bytes would reset the connection, and a reset can
// destroy the last answer before the peer reads it.
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
  kGoesOn,  // the stream waits for events: call again at the next OnReady
  kOver,    // all is sent and the peer has ended, or the stream is broken: nothing is left but to close it
};

// One step: ends our direction behind the bytes in `outbox`, sends what the stream takes, and reads once into
// the loop's scratch and drops the bytes. Nothing may be written later. Received bytes have no bound:
// dropping them costs no memory, and the owner's timer ends it.
[[nodiscard]] Lingering Linger(event::Loop& loop, ByteStream& stream, Outbox& outbox);

}  // namespace hawser::net
