#include "proxy/session/body_relay.h"

#include <utility>

#include "proxy/base/check.h"

namespace hawser::session {

BodyRelay::Progress BodyRelay::Pump(WorkerServices& services, http::MessageStream& source,
                                    http::MessageStream& sink, Begin begin, Look look) {
  if (outbox_.blocked() && !Flush(sink)) return Progress::kSinkBroken;
  const auto scratch = services.loop.scratch();
  const auto span = scratch.first(scratch.size() / 4);
  for (bool first = true; wants_read() && (first || services.loop.left() > 0); first = false) {
    const net::IoResult got = source.Read(span);
    if (got.state == net::IoState::kError) return Progress::kSourceBroken;
    HAWSER_DCHECK(got.bytes == 0 || got.state != net::IoState::kEnd);
    if (!std::exchange(begun_, true) && !begin()) return Progress::kSinkBroken;
    bytes_ += got.bytes;
    moved_ |= got.bytes > 0 || got.state == net::IoState::kEnd;
    if (got.bytes > 0) look(span.first(got.bytes));
    if (got.bytes > 0 && !Send(services, sink, span.first(got.bytes), source.complete()))
      return Progress::kSinkBroken;
    if (got.state == net::IoState::kBlocked) break;
    if (got.state != net::IoState::kEnd) continue;
    ended_ = true;
    sink.EndWithTrailers(source.trailers());
  }
  // Sends the head that is still in the sink if no body came, and the end that was just written.
  if (!outbox_.blocked() && !Flush(sink)) return Progress::kSinkBroken;
  return done() ? Progress::kDone : Progress::kMore;
}

void BodyRelay::Abandon() {
  outbox_ = {};
  ended_ = true;
}

bool BodyRelay::Send(WorkerServices& services, http::MessageStream& sink, std::span<const std::byte> bytes,
                     bool last) {
  const net::IoState state =
      last ? outbox_.WriteLast(sink, services.buffers, bytes) : outbox_.Write(sink, services.buffers, bytes);
  return state != net::IoState::kError;
}

bool BodyRelay::Flush(http::MessageStream& sink) {
  const net::IoResult put = outbox_.Flush(sink);
  moved_ |= put.bytes > 0;
  return put.state != net::IoState::kError;
}

}  // namespace hawser::session
