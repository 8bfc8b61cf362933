#include "proxy/session/client_response.h"

#include <span>
#include <utility>

namespace hawser::session {

void ClientResponse::Start() {
  HAWSER_DCHECK(state_ != State::kStarted);
  state_ = State::kStarted;
}

bool ClientResponse::SendInterim() {
  HAWSER_DCHECK(state_ == State::kAwaited && !interim_waits_);
  return client_.SendInterim(head_);
}

net::IoState ClientResponse::FlushInterim() {
  const net::IoState state = client_.Write({}).state;
  interim_waits_ = state == net::IoState::kBlocked;
  return state;
}

bool ClientResponse::OpenTunnel(const http::UpgradeRequest& upgrade) {
  HAWSER_DCHECK(state_ == State::kAwaited);
  if (!client_.OpenTunnel(head_, upgrade)) return false;
  Start();
  return true;
}

void ClientResponse::Hold() {
  HAWSER_DCHECK(state_ == State::kAwaited);
  state_ = State::kHeld;
  body_.emplace();
  interim_waits_ = false;  // the relay writes on
}

BodyRelay::Progress ClientResponse::Relay(WorkerServices& services, http::MessageStream& backend, bool keep,
                                          BodyRelay::Look look) {
  HAWSER_DCHECK(body_);
  const auto begin = [&] {
    if (!client_.SendResponse(head_, keep)) return false;
    Start();
    return true;
  };
  return body_->Pump(services, backend, client_, begin, look);
}

void ClientResponse::SetAnswer(http::LocalResponse answer, std::string_view method) {
  HAWSER_DCHECK(state_ != State::kStarted);
  answer_ = std::move(answer);
  head_ = http::HeadOf(answer_, method);
}

bool ClientResponse::SendAnswer(bool keep) {
  Start();
  if (!client_.SendResponse(head_, keep)) return false;
  if (!head_.body) answer_.body.clear();
  return true;
}

net::IoState ClientResponse::FlushAnswer() {
  net::IoResult put;
  while (answer_sent_ < answer_.body.size() && put.state == net::IoState::kOk) {
    put = client_.WriteLast(std::as_bytes(std::span(answer_.body)).subspan(answer_sent_));
    answer_sent_ += put.bytes;
  }
  if (put.state != net::IoState::kOk) return put.state;
  client_.ShutdownWrite();
  return client_.Write({}).state;
}

}  // namespace hawser::session
