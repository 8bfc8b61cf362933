// A session's turn: what has come is told, what is to be sent leaves, and deadlines are looked after.
#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/http2/session.h"

namespace hawser::http2 {

void Session::SettleSoon() {
  if (in_turn_ || settle_soon_) return;
  settle_soon_ = true;
  loop_.Soon(*this, {.tag = kSettleTag});
}

// Owners write while they are told, so that output is flushed last; and room that the flush has made goes to those that
// wait for it.
void Session::Settle() {
  in_turn_ = true;
  if (leaving_ == Leaving::kNoticeRead) SendLastGoAway();
  NotifyStreams();
  NotifyOwner();
  Pump();
  Flush();
  WakeWaiters();
  Pump();
  Flush();
  CheckEnd();
  if (end_ != End::kNone) {
    NotifyStreams();
    NotifyOwner();
  }
  PruneReady();
  if (end_ == End::kNone) {
    transport_->Want({.read = !output_.overfull(), .write = output_.blocked()});
    ArmTimer();
  }
  in_turn_ = false;
  if (!ready_.empty()) SettleSoon();
}

// Each once. Those that still have something to tell stay in the list for the next turn.
void Session::NotifyStreams() {
  base::IntrusiveList<ReadyLink> now;
  now.Splice(ready_);
  while (ReadyLink* link = now.front()) {
    ready_.PushBack(*link);
    auto& stream = static_cast<Stream&>(*link);
    if (stream.HasPending()) stream.handler_->OnReady(stream.Pending());
  }
}

// In the order in which they came to wait, as long as there is room.
void Session::WakeWaiters() {
  base::IntrusiveList<WaitLink> now;
  now.Splice(waiting_for_room_);
  while (WaitLink* link = now.front()) {
    if (room() == 0 || nghttp2_session_get_remote_window_size(library_) <= 0) break;
    auto& stream = static_cast<Stream&>(*link);
    link->Unlink();
    ready_.PushBack(stream);
    if (stream.HasPending()) stream.handler_->OnReady(stream.Pending());
  }
  // Those that were not reached go before those that have blocked again.
  now.Splice(waiting_for_room_);
  waiting_for_room_.Splice(now);
}

void Session::PruneReady() {
  ready_.ForEach([this](ReadyLink& link) {
    auto& stream = static_cast<Stream&>(link);
    if (stream.HasPending()) return;
    link.Unlink();
    if (stream.wanted_.write) AddWaiter(stream);
  });
}

void Session::NotifyOwner() {
  if (owner_ == nullptr || !std::exchange(owner_pending_, false)) return;
  owner_->OnReady({.readable = true, .tag = owner_tag_});
}

// nghttp2 is done with the connection: a GOAWAY was sent for an error, or one was sent or has come and no stream is left.
void Session::CheckEnd() {
  if (end_ != End::kNone || nghttp2_session_want_read(library_) != 0 ||
      nghttp2_session_want_write(library_) != 0)
    return;
  if (leaving_ == Leaving::kError) return Finish(End::kProtocol);
  // Streams that nghttp2 has closed may still be read.
  if (live_count_ > 0 || output_.blocked()) return;
  Finish(leaving_ >= Leaving::kNotice ? End::kDrained : End::kPeer);
}

// --- Time ---

// Traffic moves the deadlines and leaves the timer alone: it fires, finds nothing due, and is armed anew.
void Session::ArmTimer() {
  if (timer_.armed() || end_ != End::kNone) return;
  auto next = owes_last_goaway() ? goaway_deadline_ : base::TimePoint::max();
  if (WaitLink* oldest = dropped_.front())
    next = std::min(next, static_cast<Stream*>(oldest)->waiting_since_ + settings_.drop_time);
  if (settings_.stall_timeout.count() > 0) {
    if (WaitLink* longest = waiting_for_window_.front()) {
      next = std::min(next, static_cast<Stream*>(longest)->waiting_since_ + settings_.stall_timeout);
    }
    if (output_.blocked() || !waiting_for_room_.empty())
      next = std::min(next, output_.progress() + settings_.stall_timeout);
  }
  if (next == base::TimePoint::max()) return;
  const auto wait = std::chrono::ceil<base::Duration>(next - loop_.now());
  loop_.Arm(timer_, std::max(wait, base::Duration(1)));
}

void Session::SendLastGoAway() {
  HAWSER_DCHECK(leaving_ < Leaving::kLast);
  leaving_ = Leaving::kLast;
  const int32_t last = nghttp2_session_get_last_proc_stream_id(library_);
  nghttp2_submit_goaway(library_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  Push();
}

void Session::OnTimer() {
  if (end_ != End::kNone) return;
  const auto now = loop_.now();
  if (owes_last_goaway() && now >= goaway_deadline_) SendLastGoAway();
  ResetDropped();
  if (settings_.stall_timeout.count() == 0) return;
  const auto stalled = now - settings_.stall_timeout;
  while (WaitLink* longest = waiting_for_window_.front()) {
    auto& stream = static_cast<Stream&>(*longest);
    if (stream.waiting_since_ > stalled) break;
    longest->Unlink();
    ++counts_.stalled_streams;
    Reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if ((output_.blocked() || !waiting_for_room_.empty()) && output_.progress() <= stalled)
    EndForAbuse(Abuse::kWindowStall);
}

// --- The rest of requests that were answered early ---

// The stream keeps its place among those that the peer may have open, and holds nothing else.
void Session::DropRest(std::unique_ptr<Stream> owned) {
  Stream& stream = *owned.release();
  static_cast<ReadyLink&>(stream).Unlink();
  stream.waiting_since_ = loop_.now();
  const bool first = dropped_.empty();
  dropped_.PushBack(stream);
  if (first) timer_.Cancel();  // it may be armed for a later deadline
  ArmTimer();
  AskIfSpent(stream);
  Push();
}

// The PING leaves behind the answer: who acknowledges it has read that. It carries the stream's number.
void Session::AskIfSpent(const Stream& stream) {
  if (nghttp2_session_get_stream_local_window_size(library_, stream.id_) > 0) return;
  std::array<uint8_t, 8> number{};
  for (size_t i = 0; i < 4; ++i) number[7 - i] = static_cast<uint8_t>(stream.id_ >> (8 * i));
  nghttp2_submit_ping(library_, NGHTTP2_FLAG_NONE, number.data());
}

// The reset closes the stream, which ends it.
void Session::ResetDropped() {
  while (WaitLink* oldest = dropped_.front()) {
    auto& stream = static_cast<Stream&>(*oldest);
    if (stream.waiting_since_ + settings_.drop_time > loop_.now()) return;
    oldest->Unlink();
    Reset(stream, NGHTTP2_NO_ERROR);
  }
}

}  // namespace hawser::http2
