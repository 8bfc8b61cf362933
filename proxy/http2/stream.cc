#include "proxy/http2/stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/http2/callbacks.h"
#include "proxy/http2/sent_head.h"
#include "proxy/http2/session.h"

namespace hawser::http2 {
namespace {

using net::IoResult;
using net::IoState;

nghttp2_data_provider BodyOfStream() {
  return {.source = {.ptr = nullptr}, .read_callback = Callbacks::OnDataSource};
}

}  // namespace

Stream::Stream(Session& session, int32_t id) : loop_(session.loop_), session_(&session), id_(id) {
  session.streams_.Add(*this);
}

Stream::~Stream() {
  Close(net::CloseReason::kAbort);
}

// --- Heads ---

bool Stream::SubmitRequest(const SentHead& head, bool ends) {
  HAWSER_DCHECK(!started_);
  if (session_ == nullptr || closed_ || id_ != 0) return session_ != nullptr;
  const nghttp2_data_provider body = BodyOfStream();
  head_begin_ = session_->output_.made();
  const int32_t id = nghttp2_submit_request(session_->library_, nullptr, head.fields(), head.count(),
                                            ends ? nullptr : &body, this);
  if (id < 0) return false;
  id_ = id;
  session_->last_opened_ = id;
  started_ = true;
  if (ends) writing_ = Side::kEnded;
  session_->SendSoon();
  return true;
}

bool Stream::SubmitInterim(const SentHead& head) {
  if (session_ == nullptr || closed_) return true;  // the owner learns it from Read and Write
  const int submitted = nghttp2_submit_headers(session_->library_, NGHTTP2_FLAG_NONE, id_, nullptr,
                                               head.fields(), head.count(), nullptr);
  if (submitted != 0) return false;
  session_->SendSoon();
  return true;
}

bool Stream::SubmitResponse(const SentHead& head, bool ends) {
  HAWSER_DCHECK(!started_);
  if (session_ == nullptr || closed_) return true;
  const nghttp2_data_provider body = BodyOfStream();
  if (nghttp2_submit_response(session_->library_, id_, head.fields(), head.count(), ends ? nullptr : &body) !=
      0) {
    return false;
  }
  started_ = true;
  if (ends) writing_ = Side::kEnded;
  session_->SendSoon();
  return true;
}

// Trailers need no window: they end the stream at once, since all body bytes that were taken have been sent.
void Stream::EndWithTrailers(const SentHead& trailers) {
  if (session_ == nullptr || closed_ || writing_ != Side::kOpen) return;
  if (trailers.count() == 0) return ShutdownWrite();
  if (nghttp2_submit_trailer(session_->library_, id_, trailers.fields(), trailers.count()) != 0) return;
  writing_ = Side::kEnded;
  session_->SendSoon();
}

std::unique_ptr<ReceivedHead> Stream::TakeHead() {
  if (heads_.empty()) return nullptr;
  auto head = std::move(heads_.front());
  heads_.erase(heads_.begin());
  if (heads_.empty()) heads_.shrink_to_fit();  // a quiet stream keeps nothing
  NotifyOwner();
  return head;
}

// --- ByteStream ---

IoResult Stream::Read(std::span<std::byte> into) {
  size_t total = 0;
  while (!received_.empty() && total < into.size()) {
    const auto front = received_.front();
    const size_t count = std::min(front.size(), into.size() - total);
    std::memcpy(into.data() + total, front.data(), count);
    received_.Consume(count);
    total += count;
  }
  HAWSER_DCHECK(total <= received_bytes_);
  received_bytes_ -= total;
  reported_bytes_ = 0;
  reported_end_ = false;
  if (total > 0) {
    if (session_ != nullptr && !closed_) session_->ReturnCredit(*this, total);
    NotifyOwner();
    return {total, received_.empty() && reading_ == Side::kOpen ? IoState::kBlocked : IoState::kOk};
  }
  if (!received_.empty() || reading_ == Side::kOpen)
    return {0, IoState::kBlocked};  // an empty span, or nothing yet
  end_read_ = true;
  return {0, reading_ == Side::kEnded ? IoState::kEnd : IoState::kError};
}

IoResult Stream::Write(std::span<const std::byte> bytes) {
  return Put(bytes, false);
}

IoResult Stream::WriteLast(std::span<const std::byte> bytes) {
  const IoResult put = Put(bytes, true);
  if (put.state == IoState::kOk) ShutdownWrite();
  return put;
}

IoResult Stream::Put(std::span<const std::byte> bytes, bool last) {
  if (session_ == nullptr || writing_ == Side::kReset) return {0, IoState::kError};
  if (bytes.empty()) {
    const bool left = writing_ != Side::kEnding && session_->FlushHead(*this);
    if (writing_ == Side::kReset) return {0, IoState::kError};  // the transport broke
    return {0, left ? IoState::kOk : IoState::kBlocked};
  }
  if (writing_ != Side::kOpen || !started_) return {0, IoState::kError};
  const size_t taken = session_->Send(*this, bytes, last);
  HAWSER_DCHECK(taken <= bytes.size() && offered_.empty());
  if (writing_ == Side::kReset) return {0, IoState::kError};
  if (taken == bytes.size()) return {taken, IoState::kOk};
  session_->AddWaiter(*this);
  return {taken, IoState::kBlocked};
}

void Stream::ShutdownWrite() {
  if (session_ == nullptr || closed_ || !started_ || writing_ != Side::kOpen) return;
  writing_ = Side::kEnding;
  nghttp2_session_resume_data(session_->library_, id_);
  session_->SendSoon();
  if (writing_ == Side::kEnding) session_->AddWaiter(*this);
}

void Stream::Close(net::CloseReason reason) {
  if (session_ != nullptr) {
    if (reason == net::CloseReason::kOrderly && tunnel_) ShutdownWrite();
    if (!closed_ && id_ != 0) session_->Reset(*this, ResetCode(reason));
    session_->Release(*this);
    session_ = nullptr;
  }
  CancelSoon();
  handler_ = nullptr;
  reading_ = writing_ = Side::kReset;
  received_.Clear();
  received_bytes_ = 0;
}

bool Stream::answered_early() const {
  return session_ != nullptr && session_->role_ == Role::kServer && !closed_ && !tunnel_ &&
         writing_ == Side::kEnded && reading_ == Side::kOpen;
}

void Stream::DropRest(std::unique_ptr<Stream> stream) {
  HAWSER_DCHECK(stream->answered_early());
  stream->handler_ = nullptr;
  stream->reading_ = Side::kDropped;
  stream->received_.Clear();
  stream->received_bytes_ = 0;
  stream->heads_.clear();
  stream->decoding_ = nullptr;
  Session& session = *stream->session_;
  session.DropRest(std::move(stream));
}

uint32_t Stream::ResetCode(net::CloseReason reason) const {
  if (session_->role_ == Role::kClient) return NGHTTP2_CANCEL;
  if (writing_ == Side::kEnded && reason == net::CloseReason::kOrderly) return NGHTTP2_NO_ERROR;
  return tunnel_ ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR;
}

bool Stream::Delivering(base::Duration within) const {
  return session_ != nullptr && session_->transport_ != nullptr && session_->transport_->Delivering(within);
}

uint32_t Stream::TakenMark() const {
  return session_ != nullptr && session_->transport_ != nullptr ? session_->transport_->TakenMark() : 0;
}

void Stream::LimitUnsent(size_t bytes) {
  if (session_ != nullptr && session_->transport_ != nullptr) session_->transport_->LimitUnsent(bytes);
}

// --- The owner ---

void Stream::Watch(event::IoHandler* handler, uint8_t tag) {
  if (handler == handler_ && tag == tag_) return;
  CancelSoon();
  handler_ = handler;
  tag_ = tag;
  reported_bytes_ = 0;  // by the one before
  reported_end_ = false;
  NotifyOwner();
}

void Stream::Want(event::Interest interest) {
  wanted_ = interest;
  if (!interest.write && writing_ != Side::kEnding) WaitLink::Unlink();
  NotifyOwner();
}

event::Ready Stream::Pending() const {
  const bool more =
      received_bytes_ > reported_bytes_ || !heads_.empty() || (reading_ != Side::kOpen && !reported_end_);
  const bool can_write = session_ == nullptr || session_->CanWrite(*this);
  return {
      .readable = wanted_.read && more && !end_read_, .writable = wanted_.write && can_write, .tag = tag_};
}

bool Stream::HasPending() const {
  const event::Ready pending = Pending();
  return handler_ != nullptr && (pending.readable || pending.writable);
}

void Stream::CallOwner() {
  if (HasPending()) handler_->OnReady(Pending());
}

void Stream::NotifyOwner() {
  if (handler_ == nullptr) return;
  if (session_ != nullptr) {
    if (HasPending()) {
      session_->AddReady(*this);
    } else if (wanted_.write) {
      session_->AddWaiter(*this);
    }
  } else if (HasPending()) {
    loop_.Soon(*handler_, Pending());
  }
}

// Where there is no session, the loop calls the owner.
void Stream::CancelSoon() {
  if (session_ == nullptr && handler_ != nullptr) loop_.CancelSoon(*handler_, tag_);
}

size_t Stream::MarkReported() {
  reported_bytes_ = received_bytes_;
  reported_end_ = reading_ != Side::kOpen;
  return received_bytes_;
}

void Stream::OnClosed(bool unprocessed) {
  if (closed_) return;
  closed_ = true;
  unprocessed_ = unprocessed && !final_head_;
  decoding_ = nullptr;
  if (reading_ == Side::kOpen) reading_ = Side::kReset;
  if (writing_ != Side::kEnded) {
    writing_ = Side::kReset;
    reported_end_ = end_read_ = false;  // the end of the tunnel is not the end of the body
  }
  WaitLink::Unlink();
  if (handler_ != nullptr && session_ != nullptr) session_->AddReady(*this);
}

}  // namespace hawser::http2
