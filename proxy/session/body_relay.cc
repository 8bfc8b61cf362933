#include "proxy/session/body_relay.h"

namespace hawser::session {

void BodyRelay::Prepend(Environment& environment, std::string_view bytes) {
  backlog_.Append(environment.buffers, std::as_bytes(std::span(bytes)));
  blocked_ = true;  // Pump writes it
}

BodyRelay::Progress BodyRelay::Pump(Environment& environment, std::string& ahead, net::ByteStream& source,
                                    net::ByteStream& sink) {
  if (blocked_ && !Flush(sink)) return Progress::kSinkBroken;
  std::string out;
  // One round for what was read before, then one for each read, a few a turn.
  for (int round = 0; round < 5 && !received_ && !blocked_; ++round) {
    net::IoResult got;
    if (round > 0) {
      const auto scratch = environment.loop.scratch();
      got = source.Read(scratch.first(scratch.size() / 4));
      ahead.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    }
    if (got.state == net::IoState::kError) return Progress::kSourceBroken;
    if (got.state == net::IoState::kEnd) {
      if (!decoder_.CompleteAtClose()) return Progress::kSourceBroken;
      received_ = true;
    }
    out.clear();
    if (!Decode(ahead, out)) return Progress::kSourceBroken;
    if (received_ && chunked_) {
      out += http1::kLastChunk;
      out += decoder_.trailers();
      out += http1::kChunkEnd;
    }
    if (!Send(environment, sink, out)) return Progress::kSinkBroken;
    if (got.state == net::IoState::kBlocked) break;
  }
  return done() ? Progress::kDone : Progress::kMore;
}

bool BodyRelay::Decode(std::string& ahead, std::string& out) {
  size_t used = 0;
  while (!received_) {
    const auto rest = std::as_bytes(std::span(ahead)).subspan(used);
    const http1::Piece piece = decoder_.Next(rest);
    if (piece.error) return false;
    used += piece.consumed;
    bytes_ += piece.data.size();
    if (!piece.data.empty()) {
      if (chunked_) out += http1::EncodeChunkHeader(piece.data.size()).view();
      out.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
      if (chunked_) out += http1::kChunkEnd;
    }
    received_ = piece.done;
    if (piece.consumed == 0) break;
  }
  ahead.erase(0, used);
  return true;
}

bool BodyRelay::Send(Environment& environment, net::ByteStream& sink, std::string_view bytes) {
  if (bytes.empty()) return true;
  const auto span = std::as_bytes(std::span(bytes));
  const net::IoResult put = sink.Write(span);
  if (put.state == net::IoState::kError) return false;
  blocked_ = put.state == net::IoState::kBlocked;
  backlog_.Append(environment.buffers, span.subspan(put.bytes));
  return true;
}

bool BodyRelay::Flush(net::ByteStream& sink) {
  while (blocked_) {
    const auto waiting = backlog_.front();
    const net::IoResult put = sink.Write(waiting);
    if (put.state == net::IoState::kError) return false;
    backlog_.Consume(put.bytes);
    if (put.state == net::IoState::kBlocked) return true;
    if (waiting.empty()) blocked_ = false;
  }
  return true;
}

}  // namespace hawser::session
