#include "proxy/net/outbox.h"

namespace hawser::net {

// What waits goes first.
IoState Outbox::Queue(BufferPool& pool, std::span<const std::byte> bytes) {
  HAWSER_DCHECK(state_ == State::kBlocked || state_ == State::kBroken);
  if (state_ != State::kBlocked) return IoState::kError;
  backlog_.Append(pool, bytes);
  return IoState::kBlocked;
}

// The stream did not take all of `bytes`.
IoState Outbox::Hold(BufferPool& pool, std::span<const std::byte> bytes, IoResult put) {
  HAWSER_DCHECK(backlog_.empty() && put.bytes <= bytes.size());
  if (put.state != IoState::kBlocked) {
    Abandon();
    return IoState::kError;
  }
  state_ = State::kBlocked;
  backlog_.Append(pool, bytes.subspan(put.bytes));
  return IoState::kBlocked;
}

IoState Outbox::WriteLast(ByteStream& stream, BufferPool& pool, std::span<const std::byte> bytes) {
  if (state_ == State::kFree) {
    const IoResult put = stream.WriteLast(bytes);
    if (put.state == IoState::kOk) {
      state_ = State::kEnded;
      return IoState::kOk;
    }
    if (Hold(pool, bytes, put) == IoState::kError) return IoState::kError;
  } else if (Queue(pool, bytes) == IoState::kError) {
    return IoState::kError;
  }
  state_ = State::kEnding;
  return IoState::kBlocked;
}

void Outbox::End(ByteStream& stream) {
  if (state_ == State::kBlocked) state_ = State::kEnding;
  if (state_ != State::kFree) return;
  state_ = State::kEnded;
  stream.ShutdownWrite();
}

IoResult Outbox::Flush(ByteStream& stream) {
  if (state_ == State::kBroken) return {0, IoState::kError};
  size_t sent = 0;
  while (true) {
    const auto waiting = backlog_.front();  // empty: the stream flushes what it holds itself
    const IoResult put = stream.Write(waiting);
    if (put.state == IoState::kError) {
      Abandon();
      return {0, IoState::kError};
    }
    HAWSER_DCHECK(put.bytes <= waiting.size());
    backlog_.Consume(put.bytes);
    sent += put.bytes;
    if (put.state == IoState::kBlocked) {
      state_ = state_ == State::kFree || state_ == State::kBlocked ? State::kBlocked : State::kEnding;
      return {sent, IoState::kBlocked};
    }
    if (waiting.empty()) break;
  }
  if (state_ == State::kBlocked) state_ = State::kFree;
  if (state_ == State::kEnding) {
    state_ = State::kEnded;
    stream.ShutdownWrite();
  }
  return {sent, IoState::kOk};
}

Buffer& Outbox::Block() {
  HAWSER_DCHECK(state_ == State::kFree || state_ == State::kBlocked);
  state_ = State::kBlocked;
  return backlog_;
}

}  // namespace hawser::net
