#include "proxy/net/linger.h"

namespace hawser::net {

Lingering Linger(event::Loop& loop, ByteStream& stream, Outbox& outbox) {
  outbox.End(stream);
  const bool blocked = outbox.Flush(stream).state == IoState::kBlocked;
  const IoState got = stream.Read(loop.scratch()).state;
  const bool ended = got == IoState::kEnd;
  if (got == IoState::kError || (ended && !blocked)) return Lingering::kOver;
  stream.Want({.read = !ended, .write = blocked});
  return Lingering::kGoesOn;
}

}  // namespace hawser::net
