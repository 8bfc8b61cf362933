#include "proxy/http2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdlib>

#include "proxy/base/check.h"
#include "proxy/http2/callbacks.h"

namespace hawser::http2 {
namespace {

// From the notice of a drain to the last GOAWAY, if the peer does not answer our PING before.
constexpr base::Duration kGoawayGrace{1000};

// Of a frame, besides its bytes: nghttp2 looks at each one by itself.
constexpr size_t kFrameWork = 4 * event::Loop::kFrameWork;

}  // namespace

Session::Session(Role role, const Settings& settings, event::Loop& loop, net::BufferPool& pool,
                 std::unique_ptr<net::ByteStream> transport)
    : role_(role),
      settings_(settings),
      loop_(loop),
      pool_(pool),
      transport_(std::move(transport)),
      timer_(*this, kTimerTag),
      dropped_(settings_.drop_time),
      input_(role == Role::kServer ? NGHTTP2_CLIENT_MAGIC_LEN : 0),
      output_(pool, loop.now()),
      budgets_(settings_.budgets) {
  library_ = Callbacks::NewSession(role, settings, *this);
  if (library_ == nullptr) std::abort();  // as operator new would end, without exceptions
  Callbacks::SendSettings(library_, role, settings);
  transport_->Watch(this, kTransportTag);
  transport_->Want({.read = true});
  SendSoon();
}

Session::~Session() {
  HAWSER_DCHECK(!in_turn_);
  in_turn_ = true;  // there is no next one
  Finish(End::kClosed);
  loop_.CancelSoon(*this, kTurnTag);
  arriving_ = nullptr;
  arrived_.clear();
  streams_.ForEach([this](Stream& stream) {
    if (stream.dropped()) return void(std::unique_ptr<Stream>(&stream));
    streams_.Remove(stream);
    stream.session_ = nullptr;
    stream.NotifyOwner();
  });
  nghttp2_session_del(library_);
}

void Session::OnReady(event::Ready ready) {
  if (ready.tag == kTurnTag) turn_asked_ = false;
  if (ready.timer) OnTimer();
  if (ready.tag == kTransportTag && !ready.timer && end_ == End::kNone) {
    if (ready.writable) output_.OnWritable();
    if (ready.readable && !output_.overfull()) Receive();
  }
  RunTurn();
}

// --- The turn ---

void Session::RunTurnSoon() {
  if (in_turn_ || turn_asked_) return;
  turn_asked_ = true;
  loop_.Soon(*this, {.tag = kTurnTag});
}

// Owners write while they are called, so the output is flushed after that. The room that the flush makes goes
// to those that wait for it.
void Session::RunTurn() {
  HAWSER_DCHECK(!in_turn_);
  in_turn_ = true;
  if (leaving_ == Leaving::kNoticeRead) SendLastGoAway();
  streams_.CallOwners([this] { return loop_.left() > 0; });
  NotifyOwner();
  CollectFrames();
  Flush();
  streams_.CallRoomWaiters(
      [this] { return room() > 0 && nghttp2_session_get_remote_window_size(library_) > 0; });
  CollectFrames();
  Flush();
  CheckEnd();
  if (end_ != End::kNone) {
    streams_.CallOwners([] { return true; });
    NotifyOwner();
  }
  streams_.PruneReady([this](Stream& stream) { AddWaiter(stream); });
  if (end_ == End::kNone) {
    transport_->Want({.read = !output_.overfull(), .write = output_.blocked()});
    ArmTimer();
  }
  in_turn_ = false;
  if (streams_.any_ready()) RunTurnSoon();
}

void Session::NotifyOwner() {
  if (owner_ == nullptr || !std::exchange(owner_pending_, false)) return;
  owner_->OnReady({.readable = true, .tag = owner_tag_});
}

// nghttp2 is done: a GOAWAY was sent for an error, or one was sent or has come and no stream is left.
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

// Traffic moves the deadlines, not the timer: when it fires and nothing is due, it is armed again.
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
  SendSoon();
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

// --- Input ---

void Session::Receive() {
  const auto scratch = loop_.scratch();
  const uint64_t spent = loop_.spent();
  const net::IoResult got = transport_->Read(scratch.first(read_size_.Of(scratch.size() / 4, loop_.left())));
  if (got.bytes > 0) {
    Feed(scratch.first(got.bytes));
    return read_size_.Note(got.bytes, loop_.spent() - spent);
  }
  if (got.state == net::IoState::kEnd) Finish(End::kPeer);
  if (got.state == net::IoState::kError) Finish(End::kBroken);
}

void Session::Feed(std::span<const std::byte> bytes) {
  if (end_ != End::kNone) return;
  const base::TimePoint block_begun = input_.block_begun();
  int error = 0;
  while (!bytes.empty() && error == 0) error = FeedPart(bytes);
  if (credit_ > 0) nghttp2_session_consume_connection(library_, std::exchange(credit_, 0));
  if (violation_) return EndForAbuse(*violation_);
  if (error != 0) return OnLibraryError(error);
  owner_pending_ |= input_.block_begun() != block_begun;
  SendSoon();
}

int Session::FeedPart(std::span<const std::byte>& bytes) {
  const FrameSplitter::Part part = input_.Next(bytes, loop_.now());
  if (part.header) loop_.Spend(kFrameWork);
  if (part.header && !Callbacks::OnFrameHeader(*this, *part.header)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (part.bytes.empty()) return 0;
  const auto* data = reinterpret_cast<const uint8_t*>(part.bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(library_, data, part.bytes.size());
  return taken < 0 ? static_cast<int>(taken) : 0;
}

void Session::OnLibraryError(int code) {
  switch (code) {
    case NGHTTP2_ERR_FLOODED:
      // Too many entries in one frame, or too many unread acknowledgements.
      return EndForAbuse(Abuse::kSettings);
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: return EndForAbuse(Abuse::kContinuations);
    default: break;
  }
  error_text_ = closed_stream_used_ ? "a frame for a stream that is closed" : nghttp2_strerror(code);
  AppendGoAway(closed_stream_used_ ? NGHTTP2_STREAM_CLOSED : NGHTTP2_PROTOCOL_ERROR, error_text_);
  Finish(End::kProtocol);
}

void Session::EndForAbuse(Abuse abuse) {
  violation_ = std::nullopt;
  if (end_ != End::kNone) return;
  abuse_ = abuse;
  error_text_ = SpecOf(abuse).text;
  AppendGoAway(NGHTTP2_ENHANCE_YOUR_CALM, error_text_);
  Finish(End::kAbuse);
}

// --- Output ---

void Session::CollectFrames() {
  if (end_ != End::kNone) return;
  const uint8_t* bytes = nullptr;
  ssize_t count = 0;
  while ((count = nghttp2_session_mem_send(library_, &bytes)) > 0) {
    output_.Append({reinterpret_cast<const std::byte*>(bytes), static_cast<size_t>(count)});
  }
  if (violation_) return EndForAbuse(*violation_);
  if (count < 0) OnLibraryError(static_cast<int>(count));
}

void Session::Flush() {
  if (transport_ != nullptr && !output_.Flush(*transport_, loop_.now())) Finish(End::kBroken);
}

size_t Session::Send(Stream& stream, std::span<const std::byte> bytes, bool last) {
  HAWSER_DCHECK(stream.offered_.empty() && stream.started_);
  size_t taken = 0;
  while (taken < bytes.size()) {
    if (output_.full()) Flush();
    if (room() == 0) break;
    const auto piece = bytes.subspan(taken, std::min(bytes.size() - taken, room()));
    stream.offered_ = piece;
    stream.offered_last_ = last && taken + piece.size() == bytes.size();
    nghttp2_session_resume_data(library_, stream.id_);
    CollectFrames();
    const size_t sent = piece.size() - std::exchange(stream.offered_, {}).size();
    taken += sent;
    if (sent < piece.size()) break;  // a window is closed
  }
  if (taken > 0) RunTurnSoon();
  return taken;
}

// Behind it nghttp2 makes no more frames.
void Session::AppendGoAway(uint32_t code, std::string_view text) {
  ++counts_.goaways_sent;
  output_.AppendGoAway(nghttp2_session_get_last_proc_stream_id(library_), code, text);
}

// --- For streams ---

bool Session::CanWrite(const Stream& stream) const {
  if (stream.writing_ == Stream::Side::kReset) return true;
  if (stream.writing_ != Stream::Side::kOpen)
    return stream.writing_ == Stream::Side::kEnded && HeadHasLeft(stream);
  return room() > 0 && nghttp2_session_get_remote_window_size(library_) > 0 &&
         (stream.id_ == 0 || nghttp2_session_get_stream_remote_window_size(library_, stream.id_) > 0);
}

// The head may still be here while the transport is connecting or takes nothing. Otherwise it is collected
// with the output of other streams and leaves at the end of the turn.
bool Session::FlushHead(const Stream& stream) {
  const bool connected = output_.left() > 0;
  if (!connected) Flush();
  return HeadHasLeft(stream) || !output_.blocked();
}

void Session::AddWaiter(Stream& stream) {
  HAWSER_DCHECK(stream.session_ == this);
  if (StreamQueues::Waits(stream) || end_ != End::kNone) return;
  const bool own_window =
      stream.id_ != 0 && nghttp2_session_get_stream_remote_window_size(library_, stream.id_) <= 0;
  if (own_window) {
    streams_.WaitForWindow(stream, loop_.now());
  } else {
    if (!streams_.any_wait_for_room() && !output_.blocked()) output_.NoteProgress(loop_.now());
    streams_.WaitForRoom(stream);
  }
  ArmTimer();
}

void Session::AddReady(Stream& stream) {
  streams_.AddReady(stream);
  RunTurnSoon();
}

void Session::ReturnCredit(const Stream& stream, size_t bytes) {
  nghttp2_session_consume_stream(library_, stream.id_, bytes);
  SendSoon();
}

void Session::Reset(Stream& stream, uint32_t code) {
  if (end_ != End::kNone) return;
  resetting_ = stream.id_;
  nghttp2_submit_rst_stream(library_, NGHTTP2_FLAG_NONE, stream.id_, code);
  SendSoon();
  resetting_ = 0;
}

void Session::Release(Stream& stream) {
  if (!stream.closed_ && stream.id_ != 0) nghttp2_session_set_stream_user_data(library_, stream.id_, nullptr);
  streams_.Remove(stream);
  owner_pending_ = true;  // a slot is free
  RunTurnSoon();
}

void Session::DropRest(std::unique_ptr<Stream> stream) {
  const Stream& dropped = *stream;
  const bool first = dropped_.due() == base::TimePoint::max();
  dropped_.Add(std::move(stream), loop_.now());
  if (first) timer_.Cancel();  // it may be armed for a later deadline
  ArmTimer();
  AskIfSpent(dropped);
  SendSoon();
}

// The PING follows the answer: a client that acknowledges it has read the answer.
void Session::AskIfSpent(const Stream& stream) {
  if (nghttp2_session_get_stream_local_window_size(library_, stream.id_) > 0) return;
  nghttp2_submit_ping(library_, NGHTTP2_FLAG_NONE, PayloadOf(stream.id_).data());
}

// --- For the owner ---

std::optional<Session::Arrival> Session::Accept() {
  while (!arrived_.empty() && end_ == End::kNone) {
    std::unique_ptr<Stream> stream = std::move(arrived_.front());
    arrived_.erase(arrived_.begin());
    if (stream->reset()) continue;
    Arrival arrival;
    std::unique_ptr<ReceivedHead> head = stream->TakeHead();
    arrival.reject = head->ReadRequest(arrival.head);
    // The end may have come behind the head, on a frame without a byte.
    arrival.head.body = arrival.head.body && !stream->complete();
    arrival.stream = std::make_unique<ServerStream>(std::move(stream), std::move(head), arrival.head);
    return arrival;
  }
  return std::nullopt;
}

uint32_t Session::free_slots() const {
  if (end_ != End::kNone || going_away() || nghttp2_session_check_request_allowed(library_) == 0) return 0;
  const uint32_t allowed =
      nghttp2_session_get_remote_settings(library_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  const uint32_t most = std::min(allowed, settings_.max_concurrent_streams);
  return most - std::min(most, streams_.count());
}

std::unique_ptr<ClientStream> Session::Open() {
  if (free_slots() == 0) return nullptr;
  ++counts_.streams;
  return std::make_unique<ClientStream>(std::make_unique<Stream>(*this, 0), settings_.tls ? "https" : "http");
}

bool Session::extended_connect() const {
  return nghttp2_session_get_remote_settings(library_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void Session::GoAway() {
  if (end_ != End::kNone || leaving_ >= Leaving::kNotice) return;
  if (role_ == Role::kClient) return SendLastGoAway();
  // Requests that are already under way are still served (RFC 9113 §6.8).
  leaving_ = Leaving::kNotice;
  goaway_deadline_ = loop_.now() + kGoawayGrace;
  nghttp2_submit_shutdown_notice(library_);
  nghttp2_submit_ping(library_, NGHTTP2_FLAG_NONE, nullptr);
  timer_.Cancel();  // it may be armed for a later deadline
  ArmTimer();
  SendSoon();
}

void Session::Close(net::CloseReason reason) {
  if (end_ == End::kNone && reason == net::CloseReason::kOrderly) AppendGoAway(NGHTTP2_NO_ERROR, {});
  Finish(End::kClosed);
  if (transport_ != nullptr) transport_->Close(reason);
}

void Session::Finish(End end) {
  if (end_ != End::kNone) return;
  if (end != End::kBroken) Flush();  // may find that the transport is broken and call Finish itself
  if (end_ != End::kNone) return;
  end_ = end;
  owner_pending_ = true;
  timer_.Cancel();
  const uint64_t left = output_.left();
  streams_.ForEach([left](Stream& stream) {
    stream.OnClosed(stream.id_ == 0 || (stream.head_begin_ > 0 && stream.head_begin_ >= left));
  });
  output_.Clear();
  if (transport_ != nullptr) transport_->Want({});
  RunTurnSoon();
}

}  // namespace hawser::http2
