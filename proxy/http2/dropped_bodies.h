// Streams of requests that were answered before they were complete. The rest of such a body is dropped, and
// its stream's window is not given back: the client can send one window more. The stream is reset (NO_ERROR)
// after `longest`. It is reset earlier if the client has spent the window and has read the answer: then the
// client acknowledges a PING that was sent behind the answer and has the stream's number. Until its end the
// stream counts as one of the client's. Part of Session.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <memory>

#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/http2/stream.h"

namespace hawser::http2 {

// What a PING carries, and of which stream it is; 0: none.
using PingPayload = std::array<uint8_t, 8>;
PingPayload PayloadOf(int32_t stream);
int32_t StreamOf(const nghttp2_ping& ping);

// Holds the streams until nghttp2 closes them (Callbacks::OnStreamClose) or the session ends.
class DroppedBodies {
 public:
  explicit DroppedBodies(base::Duration longest) : longest_(longest) {}

  void Add(std::unique_ptr<Stream> stream, base::TimePoint now);
  // When the next stream is to be reset; the maximum if there is none.
  base::TimePoint due();
  // The next stream that is to be reset at `now`, no longer in the list; null if there is none. It still owns
  // itself.
  Stream* TakeDue(base::TimePoint now);

 private:
  const base::Duration longest_;
  base::IntrusiveList<WaitLink> streams_;  // the oldest first
};

}  // namespace hawser::http2
