#include "proxy/cluster/sent_request.h"

#include <optional>
#include <span>
#include <system_error>
#include <utility>

namespace hawser::cluster {
namespace {

using HeadState = http::ClientStream::HeadState;

// More interim heads than that are not waited through.
constexpr uint8_t kMostInterim = 32;

CallError ErrorOf(ConnectError error) {
  switch (error) {
    case ConnectError::kNoLocalPort:
    case ConnectError::kNoResources:
    case ConnectError::kFull:
    case ConnectError::kShutDown: return CallError::kLocal;
    case ConnectError::kTimedOut: return CallError::kTimedOut;
    case ConnectError::kNone:
    case ConnectError::kFailed: break;
  }
  return CallError::kConnect;
}

}  // namespace

std::string WhyOf(const net::ByteStream& stream, std::string_view otherwise) {
  const std::string why = stream.error_text();
  const bool says_nothing = why.empty() || (stream.error() == 0 && why == std::generic_category().message(0));
  return says_nothing ? std::string(otherwise) : why;
}

SentRequest::SentRequest(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
                         std::shared_ptr<Endpoint> endpoint, const Request& request, event::IoHandler& owner,
                         uint8_t tag)
    : loop_(loop),
      pool_(pool),
      cluster_(std::move(cluster)),
      endpoint_(std::move(endpoint)),
      request_(request),
      owner_(owner),
      tag_(tag) {
  HAWSER_DCHECK(request.head.body == !request.body.empty());
}

SentRequest::~SentRequest() {
  if (stream_ != nullptr) stream_->Close(net::CloseReason::kOrderly);
}

SentRequest::State SentRequest::Advance() {
  State before;
  do {
    before = state_;
    switch (state_) {
      case State::kConnect: Connect(); break;
      case State::kSend: Send(); break;
      case State::kAwait: Await(); break;
      case State::kAnswered:
      case State::kTunnel:
      case State::kFailed: break;
    }
  } while (state_ != before);
  return state_;
}

void SentRequest::Connect() {
  if (attempt_ == nullptr) {
    HAWSER_DCHECK(stream_ == nullptr);
    attempt_ = pool_.Begin(cluster_, *endpoint_,
                           {.websocket = request_.upgrade != nullptr,
                            .failed_on = again_ ? std::optional(connection_) : std::nullopt},
                           owner_, tag_);
  }
  if (attempt_->state() == Attempt::State::kWaiting) return;
  std::unique_ptr<Attempt> attempt = std::move(attempt_);
  kept_ = !attempt->opened();
  connection_ = attempt->connection();
  transport_ = attempt->transport();
  connecting_ = attempt->TakeLease();
  stream_ = attempt->TakeStream();
  if (stream_ == nullptr) return Fail(ErrorOf(attempt->error()), attempt->error_text());
  attempt.reset();  // which cancels pending calls under this tag
  stream_->Watch(&owner_, tag_);
  if (!stream_->SendRequest(request_.head, request_.upgrade))
    return Fail(CallError::kLocal, "the request has a form that cannot be sent");
  body_sent_ = 0;
  body_ended_ = request_.body.empty();
  state_ = State::kSend;
}

// The head is written before the connection is established, as the road does. What has been written cannot
// be told from what has arrived: a backend may answer, and end, before it has taken all.
void SentRequest::Send() {
  while (true) {
    const std::string_view rest = request_.body.substr(body_sent_);
    const net::IoResult put = stream_->Write(std::as_bytes(std::span(rest)));
    body_sent_ += put.bytes;
    if (put.state == net::IoState::kError && stream_->unprocessed()) return OnEnded(CallError::kConnect);
    if (put.state == net::IoState::kError) break;
    if (put.state == net::IoState::kBlocked) {
      const bool head_sent = !stream_->unprocessed();
      if (head_sent) Await();
      if (state_ == State::kSend) stream_->Want({.read = head_sent, .write = true});
      return;
    }
    if (std::exchange(body_ended_, true)) break;
    stream_->ShutdownWrite();
  }
  connecting_.Succeeded();
  state_ = State::kAwait;
}

void SentRequest::Await() {
  while (OnHead(stream_->ReadResponse(answer_))) {
  }
}

// False: another head is not to be read now.
bool SentRequest::OnHead(HeadState read) {
  switch (read) {
    case HeadState::kBlocked:
      if (state_ == State::kAwait) stream_->Want({.read = true});
      return false;
    case HeadState::kInterim:
      if (++interim_ < kMostInterim) return true;
      Fail(CallError::kMalformed, "too many interim responses");
      return false;
    case HeadState::kFinal: state_ = State::kAnswered; break;
    case HeadState::kTunnel: state_ = State::kTunnel; break;
    case HeadState::kMalformed: Fail(CallError::kMalformed, "a malformed response"); break;
    case HeadState::kBadUpgrade: Fail(CallError::kMalformed, "a 101 that is not right"); break;
    case HeadState::kEnded: OnEnded(CallError::kEnded); break;
  }
  connecting_.Succeeded();  // unless it has failed
  return false;
}

void SentRequest::Return() {
  HAWSER_DCHECK(state_ == State::kAnswered && stream_ != nullptr);
  pool_.Return(*endpoint_, transport_, std::move(stream_));
}

std::string_view SentRequest::WhatIsLate() const {
  switch (state_) {
    case State::kConnect: return "not connected in time";
    case State::kSend:
      return stream_->unprocessed() ? "not connected in time" : "the request not taken in time";
    case State::kAnswered: return "no whole answer in time";
    default: return "no answer in time";
  }
}

// A kept connection, and a shared one that takes no more streams, say nothing about the endpoint.
bool SentRequest::MaySendAgain() const {
  if (again_ || stream_->answered()) return false;
  const bool refused = connection_ != 0 && stream_->unprocessed();
  return refused || (kept_ && (http::IsIdempotent(request_.head.method) || stream_->unprocessed()));
}

void SentRequest::OnEnded(CallError error) {
  if (!MaySendAgain()) {
    return Fail(error, WhyOf(*stream_, error == CallError::kConnect ? "ended before the request was sent"
                                                                    : "ended without an answer"));
  }
  connecting_.Release();
  std::exchange(stream_, nullptr)->Close(net::CloseReason::kOrderly);
  again_ = true;
  state_ = State::kConnect;
}

void SentRequest::Fail(CallError error, std::string why) {
  HAWSER_DCHECK(error != CallError::kNone && state_ != State::kFailed);
  if (error == CallError::kConnect) connecting_.Failed();
  connecting_.Release();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(net::CloseReason::kOrderly);
  error_ = error;
  why_ = std::move(why);
  state_ = State::kFailed;
}

}  // namespace hawser::cluster
