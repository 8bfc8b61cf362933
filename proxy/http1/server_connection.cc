#include "proxy/http1/server_connection.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/http1/serializer.h"
#include "proxy/net/linger.h"

namespace hawser::http1 {

using net::IoState;

ServerConnection::Progress ServerConnection::Advance(http::RequestHead& head) {
  switch (state_) {
    case State::kHead: return ReadHead(head);
    case State::kRequest: return Progress::kWaiting;
    case State::kLast: return Linger();
  }
  return Progress::kOver;
}

// A client may have ended behind a request that is whole.
ServerConnection::Progress ServerConnection::ReadHead(http::RequestHead& head) {
  const IoState got = Receive();
  if (got == IoState::kError) return Progress::kOver;
  const Progress parsed = got == IoState::kBlocked ? Progress::kWaiting : Parse(head);
  if (parsed == Progress::kWaiting) return got == IoState::kEnd ? Progress::kOver : parsed;
  stream_.Want({});
  return parsed;
}

IoState ServerConnection::Receive() {
  HAWSER_DCHECK(state_ == State::kHead);
  const auto scratch = loop_.scratch();
  const net::IoResult got = stream_.Read(scratch.first(scratch.size() / 4));
  if (got.bytes == 0) return got.state;
  // Between two requests the time is keep_alive's; from a request's first byte on, it is the head's.
  if (in_.empty() && !first_) Arm(options_.deadlines.head);
  in_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
  return IoState::kOk;
}

ServerConnection::Progress ServerConnection::Parse(http::RequestHead& head) {
  HAWSER_DCHECK(state_ == State::kHead);
  const ParseResult parsed = ParseRequestHead(in_, options_.limits, head, scanned_);
  if (parsed.state == ParseState::kIncomplete) return Progress::kWaiting;
  state_ = State::kRequest;
  if (options_.timer != nullptr) options_.timer->Cancel();
  reject_ = parsed.reject;
  if (parsed.state == ParseState::kRejected) return Progress::kRejected;
  head_bytes_ = parsed.head_bytes;
  head_request_ = head.method == "HEAD";
  first_ = false;
  return Progress::kRequest;
}

// The head's views point into the string's heap block, which moves along: no head is short enough to lie
// inside the string itself.
ServerConnection::Request ServerConnection::TakeRequest() {
  HAWSER_DCHECK(state_ == State::kRequest && reject_ == http::Reject::kNone && head_bytes_ > 0);
  Request request;
  request.behind = in_.substr(head_bytes_);
  request.bytes = std::exchange(in_, {});
  scanned_ = head_bytes_ = 0;
  HAWSER_DCHECK(request.bytes.capacity() > std::string().capacity());
  return request;
}

void ServerConnection::Next(std::string held) {
  HAWSER_DCHECK(state_ == State::kRequest && head_bytes_ == 0);
  in_ = std::move(held);
  state_ = State::kHead;
  head_request_ = false;
  stream_.Want({.read = true});
  Arm(in_.empty() ? options_.deadlines.keep_alive : options_.deadlines.head);
}

ServerConnection::Progress ServerConnection::Answer(const http::LocalResponse& response) {
  HAWSER_DCHECK(state_ != State::kLast);
  const std::string text = LastResponse(response, head_request_ ? "HEAD" : "GET");
  if (outbox_.WriteLast(stream_, buffers_, std::as_bytes(std::span(text))) == IoState::kError)
    return Progress::kOver;
  return Finish();
}

ServerConnection::Progress ServerConnection::Finish() {
  HAWSER_DCHECK(state_ != State::kLast);
  state_ = State::kLast;
  in_ = {};
  Arm(options_.deadlines.linger);
  return Linger();
}

ServerConnection::Progress ServerConnection::Linger() {
  HAWSER_DCHECK(state_ == State::kLast);
  return net::Linger(loop_, stream_, outbox_) == net::Lingering::kOver ? Progress::kOver : Progress::kWaiting;
}

void ServerConnection::Close(net::CloseReason reason) {
  outbox_.Abandon();
  if (options_.timer != nullptr) options_.timer->Cancel();
  stream_.Close(reason);
}

void ServerConnection::Arm(base::Duration after) {
  if (after.count() > 0) loop_.Arm(*options_.timer, after);
}

}  // namespace hawser::http1
