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

// Owners write while they are called, so the output is flushed after that. The room that the flush makes goes to those that
// wait for it.
void Session::Settle() {
  in_turn_ = true;
  if (leaving_ == Leaving::kNoticeRead) SendLastGoAway();
  streams_.CallOwners();
  NotifyOwner();
  Pump();
  Flush();
  streams_.CallRoomWaiters(
      [this] { return room() > 0 && nghttp2_session_get_remote_window_size(library_) > 0; });
  Pump();
  Flush();
  CheckEnd();
  if (end_ != End::kNone) {
    streams_.CallOwners();
    NotifyOwner();
  }
  streams_.PruneReady([this](Stream& stream) { AddWaiter(stream); });
  if (end_ == End::kNone) {
    transport_->Want({.read = !output_.overfull(), .write = output_.blocked()});
    ArmTimer();
  }
  in_turn_ = false;
  if (streams_.any_ready()) SettleSoon();
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
  if (streams_.count() > 0 || output_.blocked()) return;
  Finish(leaving_ >= Leaving::kNotice ? End::kDrained : End::kPeer);
}

// --- Time ---

// Traffic moves the deadlines and leaves the timer alone: it fires, finds nothing due, and is armed anew.
void Session::ArmTimer() {
  if (timer_.armed() || end_ != End::kNone) return;
  auto next = owes_last_goaway() ? goaway_deadline_ : base::TimePoint::max();
  next = std::min(next, dropped_.due());
  if (settings_.stall_timeout.count() > 0) {
    if (const Stream* longest = streams_.longest_window_wait()) {
      next = std::min(next, longest->waiting_since_ + settings_.stall_timeout);
    }
    if (output_.blocked() || streams_.any_wait_for_room())
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
  while (Stream* const spent = dropped_.TakeDue(now)) Reset(*spent, NGHTTP2_NO_ERROR);  // which closes it
  if (settings_.stall_timeout.count() == 0) return;
  const auto stalled = now - settings_.stall_timeout;
  while (Stream* const longest = streams_.longest_window_wait()) {
    if (longest->waiting_since_ > stalled) break;
    StreamQueues::EndWait(*longest);
    ++counts_.stalled_streams;
    Reset(*longest, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  if ((output_.blocked() || streams_.any_wait_for_room()) && output_.progress() <= stalled)
    EndForAbuse(Abuse::kWindowStall);
}

// --- Requests that were answered early ---

void Session::DropRest(std::unique_ptr<Stream> stream) {
  const Stream& dropped = *stream;
  const bool first = dropped_.due() == base::TimePoint::max();
  dropped_.Add(std::move(stream), loop_.now());
  if (first) timer_.Cancel();  // it may be armed for a later deadline
  ArmTimer();
  AskIfSpent(dropped);
  Push();
}

// The PING leaves behind the answer: who acknowledges it has read that.
void Session::AskIfSpent(const Stream& stream) {
  if (nghttp2_session_get_stream_local_window_size(library_, stream.id_) > 0) return;
  nghttp2_submit_ping(library_, NGHTTP2_FLAG_NONE, PayloadOf(stream.id_).data());
}

}  // namespace hawser::http2
