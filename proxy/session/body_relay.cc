#include "proxy/session/body_relay.h"

#include <utility>

namespace hawser::session {
BodyRelay::Progress BodyRelay::Pump(WorkerServices& services, http::MessageStream& source,
                                    http::MessageStream& sink, Begin begin, Look look) {
  if (!Flush(sink)) return Progress::kSinkBroken;
  const auto scratch = services.loop.scratch();
  const auto span = scratch.first(scratch.size() / 4);
  for (int reads = 0; reads < kReadsPerTurn && wants_read(); ++reads) {
    const net::IoResult got = source.Read(span);
    if (got.state == net::IoState::kError) return Progress::kSourceBroken;
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
  // The head that went into the sink before, where no body came to take it along, and the end that went in now.
  if (!std::exchange(blocked_, true) && !Flush(sink)) return Progress::kSinkBroken;
  return done() ? Progress::kDone : Progress::kMore;
}

void BodyRelay::Abandon() {
  backlog_.Clear();
  ended_ = true;
  blocked_ = false;
}

bool BodyRelay::Send(WorkerServices& services, http::MessageStream& sink, std::span<const std::byte> bytes,
                     bool last) {
  const net::IoResult put = last ? sink.WriteLast(bytes) : sink.Write(bytes);
  if (put.state == net::IoState::kError) return false;
  blocked_ = put.state == net::IoState::kBlocked;
  backlog_.Append(services.buffers, bytes.subspan(put.bytes));
  return true;
}

bool BodyRelay::Flush(http::MessageStream& sink) {
  while (blocked_) {
    const auto waiting = backlog_.front();  // empty: the stream flushes what it holds itself
    const net::IoResult put = sink.Write(waiting);
    if (put.state == net::IoState::kError) return false;
    backlog_.Consume(put.bytes);
    moved_ |= put.bytes > 0;
    if (put.state == net::IoState::kBlocked) return true;
    if (waiting.empty()) blocked_ = false;
  }
  return true;
}

}  // namespace hawser::session
