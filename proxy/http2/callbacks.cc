#include "proxy/http2/callbacks.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::http2 {
namespace {

constexpr int kGoOn = 0;
constexpr int kStop = NGHTTP2_ERR_CALLBACK_FAILURE;  // the session looks for its reason in `violation_`

// The largest head that nghttp2 sends, as it estimates them: any that a backend may send to hawser fits.
constexpr size_t kLargestHead = 256 * 1024;
// WINDOW_UPDATE frames that may answer a DATA frame: one for the stream and one for the connection, and as
// many again.
constexpr uint32_t kUpdatesForData = 4;

// How many frames of the peer's may wait for an acknowledgement: one more spends a budget.
size_t OwedAcks(const BudgetLimits& budgets) {
  const auto most = [&budgets](Abuse abuse) { return size_t{budgets.most[static_cast<size_t>(abuse)]}; };
  return most(Abuse::kPings) + most(Abuse::kSettings) + 1;
}

Session& Of(void* session) {
  return *static_cast<Session*>(session);
}

// Null if its owner has destroyed it, or if there never was one.
Stream* FindAny(nghttp2_session* library, int32_t id) {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(library, id));
}

// The same, but null for streams whose frames nobody needs any more.
Stream* Find(nghttp2_session* library, int32_t id) {
  Stream* const stream = FindAny(library, id);
  return stream == nullptr || stream->dropped() ? nullptr : stream;
}

std::string_view Text(const uint8_t* bytes, size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

bool Acknowledges(const nghttp2_frame_hd& header) {
  return (header.flags & NGHTTP2_FLAG_ACK) != 0;
}

bool EndsStream(const nghttp2_frame_hd& header) {
  return (header.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

nghttp2_session* Callbacks::NewSession(Role role, const Settings& settings, Session& session) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* library = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, OnInvalidHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnSent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, OnNotSent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, OnSendData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, kLargestHead);
    // Ours come first, and have counters.
    nghttp2_option_set_max_continuations(option, settings.budgets.continuations + 1);
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
    nghttp2_option_set_max_outbound_ack(option, OwedAcks(settings.budgets));
    const auto make = role == Role::kServer ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
    make(&library, callbacks, &session, option);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return library;
}

void Callbacks::SendSettings(nghttp2_session* library, Role role, const Settings& settings) {
  const bool server = role == Role::kServer;
  const std::array<nghttp2_settings_entry, 4> entries = {{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.head.bytes},
      server
          ? nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.max_concurrent_streams}
          : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  }};
  nghttp2_submit_settings(library, NGHTTP2_FLAG_NONE, entries.data(), server ? 4 : 3);
  nghttp2_session_set_local_window_size(library, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(settings.connection_window));
}

bool Callbacks::Spend(Session& session, Abuse abuse) {
  if (session.budgets_.Spend(abuse, session.loop_.now())) return true;
  session.violation_ = abuse;
  return false;
}

// --- What is received ---

// False for a stream that the peer has ended or reset, or that a client can no longer open because it has
// opened a later one: a frame for it is an error of the connection (RFC 9113 §5.1, §5.1.1), which nghttp2
// would ignore. What was under way when hawser reset a stream is no error: streams up to the last that was
// reset are not judged. Only clients open streams, which have odd numbers.
bool Callbacks::OfOpenStream(Session& session, int32_t id) {
  if (id % 2 == 0 || id > session.last_opened_ || id <= session.last_reset_) return true;
  if (nghttp2_session_get_stream_remote_close(session.library_, id) != -1) return true;
  session.closed_stream_used_ = true;
  return false;
}

bool Callbacks::IsDropped(const Session& session, int32_t id) {
  const Stream* stream = FindAny(session.library_, id);
  return stream != nullptr && stream->dropped();
}

bool Callbacks::OnFrameHeader(Session& session, const nghttp2_frame_hd& header) {
  switch (header.type) {
    case NGHTTP2_DATA: return OfOpenStream(session, header.stream_id);
    case NGHTTP2_HEADERS: return OfOpenStream(session, header.stream_id);
    case NGHTTP2_CONTINUATION:
      if (session.input_.continuations() <= session.settings_.budgets.continuations) return true;
      session.violation_ = Abuse::kContinuations;
      return false;
    case NGHTTP2_SETTINGS: return Acknowledges(header) || Spend(session, Abuse::kSettings);
    case NGHTTP2_PING: return Acknowledges(header) || Spend(session, Abuse::kPings);
    case NGHTTP2_PRIORITY: return Spend(session, Abuse::kPriorities);
    case NGHTTP2_WINDOW_UPDATE: return Spend(session, Abuse::kWindowUpdates);
    case NGHTTP2_RST_STREAM:
      ++session.counts_.resets_received;
      return session.role_ == Role::kClient || IsDropped(session, header.stream_id) ||
             Spend(session, Abuse::kResets);
    default: return true;
  }
}

int Callbacks::OnBeginHeaders(nghttp2_session* library, const nghttp2_frame* frame, void* user) {
  Session& session = Of(user);
  const int32_t id = frame->hd.stream_id;
  if (session.role_ == Role::kServer && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    session.last_opened_ = id;
    // Streams that nghttp2 has closed still count while somebody works for them.
    if (session.streams_.count() >= session.settings_.max_concurrent_streams) {
      nghttp2_submit_rst_stream(library, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    session.arriving_ = std::make_unique<Stream>(session, id);
    nghttp2_session_set_stream_user_data(library, id, session.arriving_.get());
  }
  if (Stream* stream = Find(library, id))
    stream->decoding_ = std::make_unique<ReceivedHead>(session.settings_.head);
  return kGoOn;
}

int Callbacks::OnHeader(nghttp2_session* library, const nghttp2_frame* frame, const uint8_t* name,
                        size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* user) {
  Stream* stream = Find(library, frame->hd.stream_id);
  if (stream == nullptr || stream->decoding_ == nullptr) return kGoOn;
  if (stream->decoding_->Add(Text(name, name_size), Text(value, value_size))) return kGoOn;
  Of(user).violation_ = Abuse::kHeaderBomb;
  return kStop;
}

// nghttp2 would leave the field out and go on. A message is never repaired: the stream is reset.
int Callbacks::OnInvalidHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                               size_t, uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Callbacks::OnData(nghttp2_session* library, uint8_t, int32_t id, const uint8_t* bytes, size_t count,
                      void* user) {
  Session& session = Of(user);
  session.credit_ += count;
  Stream* const stream = FindAny(library, id);
  if (stream == nullptr) return kGoOn;
  if (stream->dropped()) {
    session.AskIfSpent(*stream);
  } else {
    stream->received_.Append(session.pool_, {reinterpret_cast<const std::byte*>(bytes), count});
    stream->received_bytes_ += count;
    session.AddReady(*stream);
  }
  return kGoOn;
}

int Callbacks::OnFrame(nghttp2_session* library, const nghttp2_frame* frame, void* user) {
  Session& session = Of(user);
  Stream* stream = frame->hd.stream_id != 0 ? Find(library, frame->hd.stream_id) : nullptr;
  switch (frame->hd.type) {
    case NGHTTP2_DATA:
      if (EndsStream(frame->hd)) {
        if (stream != nullptr) OnEnd(session, *stream);
      } else if (frame->hd.length == frame->data.padlen) {
        return Spend(session, Abuse::kEmptyData) ? kGoOn : kStop;
      }
      return kGoOn;
    case NGHTTP2_HEADERS:
      if (stream == nullptr || stream->decoding_ == nullptr) return kGoOn;
      if (EndsStream(frame->hd)) stream->decoding_->SetEndsMessage();
      OnHead(session, *stream);
      if (EndsStream(frame->hd)) OnEnd(session, *stream);
      return kGoOn;
    case NGHTTP2_SETTINGS:
      if (!Acknowledges(frame->hd)) OnSettings(session);
      return kGoOn;
    case NGHTTP2_WINDOW_UPDATE: OnWindowUpdate(session, frame->hd.stream_id); return kGoOn;
    case NGHTTP2_PING:
      if (Acknowledges(frame->hd)) OnPong(session, frame->ping);
      return kGoOn;
    case NGHTTP2_GOAWAY:
      if (session.leaving_ == Session::Leaving::kNot) session.leaving_ = Session::Leaving::kPeer;
      session.owner_pending_ = true;
      if (frame->goaway.error_code != NGHTTP2_NO_ERROR)
        session.error_text_ = "the peer sent GOAWAY with an error";
      return kGoOn;
    default: return kGoOn;
  }
}

void Callbacks::OnHead(Session& session, Stream& stream) {
  std::unique_ptr<ReceivedHead> head = std::move(stream.decoding_);
  if (stream.final_head_) {
    const bool over_limit = head->over_limit();
    stream.trailers_ = std::move(head);
    if (over_limit) {
      stream.reading_ = Stream::Side::kReset;
      Refuse(session, stream);
    }
    return;
  }
  HAWSER_DCHECK(head != nullptr);
  stream.final_head_ = session.role_ == Role::kServer || head->status() >= 200 || head->over_limit();
  stream.heads_.push_back(std::move(head));
  if (&stream == session.arriving_.get()) {
    session.arrived_.push_back(std::move(session.arriving_));
    ++session.counts_.streams;
    session.owner_pending_ = true;
  }
  // All unread interim responses together may be as large as one head.
  size_t held = 0;
  for (const auto& waiting : stream.heads_) held += waiting->size();
  if (stream.heads_.size() > 1 && held > session.settings_.head.bytes) Refuse(session, stream);
  session.AddReady(stream);
}

void Callbacks::Refuse(Session& session, const Stream& stream) {
  nghttp2_submit_rst_stream(session.library_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_ENHANCE_YOUR_CALM);
}

void Callbacks::OnEnd(Session& session, Stream& stream) {
  if (stream.reading_ == Stream::Side::kOpen) stream.reading_ = Stream::Side::kEnded;
  session.AddReady(stream);
}

void Callbacks::OnSettings(Session& session) {
  session.settings_received_ = true;
  session.owner_pending_ = true;
  // The initial window, which moves that of every stream, may have changed.
  session.streams_.ForEachWindowWait([&](Stream& stream) {
    if (nghttp2_session_get_stream_remote_window_size(session.library_, stream.id_) <= 0) return;
    StreamQueues::EndWait(stream);
    session.AddReady(stream);
  });
}

void Callbacks::OnPong(Session& session, const nghttp2_ping& ping) {
  const int32_t id = StreamOf(ping);
  if (id == 0) {
    if (session.leaving_ == Session::Leaving::kNotice) session.leaving_ = Session::Leaving::kNoticeRead;
  } else if (IsDropped(session, id)) {
    nghttp2_submit_rst_stream(session.library_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
  }
}

void Callbacks::OnWindowUpdate(Session& session, int32_t id) {
  if (id == 0) {
    session.output_.NoteProgress(session.loop_.now());
    return;
  }
  Stream* stream = Find(session.library_, id);
  if (stream == nullptr) return;
  StreamQueues::EndWait(*stream);
  session.AddReady(*stream);
}

int Callbacks::OnStreamClose(nghttp2_session* library, int32_t id, uint32_t code, void* user) {
  Session& session = Of(user);
  Stream* stream = FindAny(library, id);
  if (stream == nullptr) return kGoOn;
  const std::unique_ptr<Stream> owned(stream->dropped() ? stream : nullptr);
  stream->OnClosed(code == NGHTTP2_REFUSED_STREAM);
  if (stream == session.arriving_.get()) session.arriving_ = nullptr;
  return kGoOn;
}

// --- What is sent ---

ssize_t Callbacks::OnDataSource(nghttp2_session* library, int32_t id, uint8_t*, size_t most, uint32_t* flags,
                                nghttp2_data_source*, void* user) {
  Stream* stream = Find(library, id);
  if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;
  if (stream->offered_.empty()) {
    if (stream->writing_ != Stream::Side::kEnding) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    stream->writing_ = Stream::Side::kEnded;
    Of(user).AddReady(*stream);
    return 0;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  const size_t count = std::min(most, stream->offered_.size());
  if (stream->offered_last_ && count == stream->offered_.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    stream->writing_ = Stream::Side::kEnded;
    Of(user).AddReady(*stream);
  }
  return static_cast<ssize_t>(count);
}

// Copies directly from the owner's span into the output.
int Callbacks::OnSendData(nghttp2_session* library, nghttp2_frame* frame, const uint8_t* header, size_t count,
                          nghttp2_data_source*, void* user) {
  constexpr size_t kFrameHeader = 9;
  Session& session = Of(user);
  Stream* stream = Find(library, frame->hd.stream_id);
  if (stream == nullptr || stream->offered_.size() < count) return NGHTTP2_ERR_CALLBACK_FAILURE;
  HAWSER_DCHECK(stream->started_);
  session.output_.Append({reinterpret_cast<const std::byte*>(header), kFrameHeader});
  session.output_.Append(stream->offered_.first(count));
  stream->offered_ = stream->offered_.subspan(count);
  session.budgets_.Earn(Abuse::kWindowUpdates, kUpdatesForData);
  return kGoOn;
}

int Callbacks::OnSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Session& session = Of(user);
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    ++session.counts_.resets_sent;
    session.last_reset_ = std::max(session.last_reset_, frame->hd.stream_id);
    // A reset that no owner of a stream has asked for answers a fault of the peer's, except NO_ERROR: a
    // dropped body's.
    const bool provoked =
        frame->hd.stream_id != session.resetting_ && frame->rst_stream.error_code != NGHTTP2_NO_ERROR;
    if (provoked && frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM) {
      ++session.counts_.refused_streams;
      session.owner_pending_ = true;
    }
    if (provoked && session.role_ == Role::kServer) Spend(session, Abuse::kProvokedResets);
  } else if (frame->hd.type == NGHTTP2_GOAWAY) {
    const auto& goaway = frame->goaway;
    if (goaway.error_code == NGHTTP2_NO_ERROR && session.owes_last_goaway()) return kGoOn;
    ++session.counts_.goaways_sent;
    if (goaway.error_code == NGHTTP2_NO_ERROR) return kGoOn;
    session.leaving_ = Session::Leaving::kError;
    session.error_text_ = nghttp2_http2_strerror(goaway.error_code);
  }
  return kGoOn;
}

// A head that nghttp2 did not send: it was too large, or its stream is gone.
int Callbacks::OnNotSent(nghttp2_session* library, const nghttp2_frame* frame, int, void*) {
  if (frame->hd.type == NGHTTP2_HEADERS && Find(library, frame->hd.stream_id) != nullptr) {
    nghttp2_submit_rst_stream(library, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
  }
  return kGoOn;
}

}  // namespace hawser::http2
