#include "proxy/session/side.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace hawser::session {
namespace {

using Incoming = Side::Incoming;
using Outgoing = Side::Outgoing;

constexpr unsigned Bit(Outgoing state) {
  return 1U << static_cast<unsigned>(state);
}

// The states that may follow one.
constexpr unsigned Followers(Outgoing state) {
  constexpr unsigned kAlways = Bit(Outgoing::kClosed);
  switch (state) {
    case Outgoing::kOpen:
      return kAlways | Bit(Outgoing::kBlocked) | Bit(Outgoing::kFinishing) | Bit(Outgoing::kFinished) |
             Bit(Outgoing::kShut) | Bit(Outgoing::kBroken);
    case Outgoing::kBlocked:
      return kAlways | Bit(Outgoing::kOpen) | Bit(Outgoing::kFinishing) | Bit(Outgoing::kBroken);
    case Outgoing::kFinishing: return kAlways | Bit(Outgoing::kFinished) | Bit(Outgoing::kBroken);
    case Outgoing::kFinished: return kAlways | Bit(Outgoing::kFinGrace) | Bit(Outgoing::kShut);
    case Outgoing::kFinGrace: return kAlways | Bit(Outgoing::kShut);
    case Outgoing::kShut:
    case Outgoing::kBroken: return kAlways;
    case Outgoing::kClosed: return 0;
  }
  return 0;
}

}  // namespace

void Side::Become(Incoming next) {
  HAWSER_DCHECK(next > incoming_);
  incoming_ = next;
  carry_.Clear();
  holds_ = false;
}

void Side::Become(Outgoing next) {
  HAWSER_DCHECK((Followers(outgoing_) & Bit(next)) != 0);
  outgoing_ = next;
  HAWSER_DCHECK(outbox_.blocked() == blocked());
  HAWSER_DCHECK(due_ == Due::kNothing || !finished());
}

// --- From this peer ---

Side::ReadResult Side::Read(std::span<std::byte> scratch, size_t most) {
  HAWSER_DCHECK(!ended() && !holds());
  HAWSER_DCHECK(carry_.size() < scratch.size());
  const std::span<const std::byte> kept = carry_.bytes();
  std::ranges::copy(kept, scratch.begin());
  const std::span<std::byte> room = scratch.subspan(kept.size());
  const net::IoResult got = stream_->Read(room.first(std::min(most, room.size())));
  return {.bytes = scratch.first(kept.size() + got.bytes), .read = got.bytes, .state = got.state};
}

void Side::ReceivedClose() {
  Become(Incoming::kCloseReceived);
}

void Side::Discard() {
  if (incoming_ < Incoming::kDiscarding) Become(Incoming::kDiscarding);
}

// --- To this peer ---

bool Side::Send(std::span<const std::byte> bytes, net::BufferPool& pool) {
  if (finished() || bytes.empty()) return false;
  const net::IoState state = outbox_.Write(*stream_, pool, bytes);
  return state != net::IoState::kOk && Hold(state, Outgoing::kBlocked);
}

bool Side::SendLast(std::span<const std::byte> bytes, net::BufferPool& pool) {
  HAWSER_DCHECK(!bytes.empty());
  if (finished()) return false;
  due_ = Due::kNothing;
  const bool ends = outgoing_ == Outgoing::kOpen && !forwards() && !EndsFirst();
  const net::IoState state =
      ends ? outbox_.WriteLast(*stream_, pool, bytes) : outbox_.Write(*stream_, pool, bytes);
  if (state != net::IoState::kOk) return Hold(state, Outgoing::kFinishing);
  Become(ends ? Outgoing::kShut : Outgoing::kFinished);
  return false;
}

// After a write in `state`: if bytes wait, the side becomes `waiting`. Returns whether it has just begun to
// block.
bool Side::Hold(net::IoState state, Outgoing waiting) {
  if (state == net::IoState::kError) {
    Break();
    return false;
  }
  const bool begins = outgoing_ == Outgoing::kOpen;
  if (outgoing_ != waiting) Become(waiting);
  return begins;
}

net::Buffer& Side::Block() {
  HAWSER_DCHECK(outgoing_ == Outgoing::kOpen);
  net::Buffer& backlog = outbox_.Block();
  Become(Outgoing::kBlocked);
  return backlog;
}

void Side::Flush() {
  if (!blocked()) return;
  const net::IoResult put = outbox_.Flush(*stream_);
  if (put.bytes > 0 || put.state == net::IoState::kOk) stall_.Moved();
  switch (put.state) {
    case net::IoState::kOk:
      return Become(outgoing_ == Outgoing::kBlocked ? Outgoing::kOpen : Outgoing::kFinished);
    case net::IoState::kBlocked: return;
    case net::IoState::kEnd:
    case net::IoState::kError: return Break();
  }
}

void Side::Finish() {
  if (finished()) return;
  due_ = Due::kNothing;
  Become(outgoing_ == Outgoing::kBlocked ? Outgoing::kFinishing : Outgoing::kFinished);
}

void Side::Break() {
  HAWSER_DCHECK(!flushed());
  due_ = Due::kNothing;
  outbox_.Abandon();
  Become(Outgoing::kBroken);
}

void Side::ShutdownWrite() {
  HAWSER_DCHECK(outgoing_ == Outgoing::kFinished || outgoing_ == Outgoing::kFinGrace);
  outbox_.End(*stream_);
  Become(Outgoing::kShut);
}

void Side::Close(net::CloseReason reason) {
  if (closed()) return;
  due_ = Due::kNothing;
  outbox_.Abandon();
  if (!ended()) Become(Incoming::kEnded);
  Become(Outgoing::kClosed);
  stream_->Close(reason);
}

// --- Between two frames ---

void Side::DuePing() {
  HAWSER_DCHECK(!finished() && due_ != Due::kClose);
  due_ = Due::kPing;
}

void Side::DueClose(uint16_t code) {
  HAWSER_DCHECK(!finished() && due_ != Due::kClose);
  HAWSER_DCHECK(ws::MayBeSent(code));
  due_ = Due::kClose;
  close_code_ = code;
}

// --- Seeing it ---

std::string_view NameOf(Incoming incoming) {
  switch (incoming) {
    case Incoming::kOpen: return "open";
    case Incoming::kCloseReceived: return "close_received";
    case Incoming::kDiscarding: return "discarding";
    case Incoming::kEnded: return "ended";
  }
  return "";
}

std::string_view NameOf(Outgoing outgoing) {
  switch (outgoing) {
    case Outgoing::kOpen: return "open";
    case Outgoing::kBlocked: return "blocked";
    case Outgoing::kFinishing: return "finishing";
    case Outgoing::kFinished: return "finished";
    case Outgoing::kFinGrace: return "fin_grace";
    case Outgoing::kShut: return "shut";
    case Outgoing::kBroken: return "broken";
    case Outgoing::kClosed: return "closed";
  }
  return "";
}

}  // namespace hawser::session
