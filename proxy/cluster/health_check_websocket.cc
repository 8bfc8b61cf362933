#include "proxy/cluster/health_check_websocket.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <openssl/rand.h>

#include "proxy/base/check.h"
#include "proxy/http/head.h"

namespace hawser::cluster {
namespace {

constexpr uint16_t kNormalClosure = 1000;

template <size_t kBytes, typename Byte>
void FillRandom(std::array<Byte, kBytes>& bytes) {
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), int{kBytes}) != 1) std::abort();
}

}  // namespace

WebSocketCheck::WebSocketCheck(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
                               std::shared_ptr<Endpoint> target, Request request, base::Duration timeout,
                               CheckDone done)
    : loop_(loop),
      request_(std::move(request)),
      key_(http::NewKey()),
      done_(std::move(done)),
      timer_(*this, kTimerTag) {
  FillRandom(payload_);
  head_ = {.method = "GET", .target = request_.path, .authority = request_.host};
  for (const auto& [name, value] : request_.headers) head_.headers.Add(name, value);
  head_.headers.Add("Sec-WebSocket-Version", "13");
  upgrade_ = OfferOf(head_, key_);
  sent_.emplace(loop, pool, std::move(cluster), std::move(target),
                SentRequest::Request{.head = head_, .upgrade = &upgrade_}, *this, kStreamTag);
  loop_.Arm(timer_, timeout);
  loop_.Soon(*this, {.tag = kStreamTag});
}

// What the head offers, as the firewall reads it from a client.
http::UpgradeRequest WebSocketCheck::OfferOf(http::RequestHead head, std::string_view key) {
  head.headers.Add("Host", head.authority);
  head.headers.Add("Sec-WebSocket-Key", key);
  http::AddUpgradeFields(head.headers);
  http::UpgradeRequest offer = http::Classify(head).upgrade;
  offer.websocket = true;
  offer.key = key;
  return offer;
}

void WebSocketCheck::OnReady(event::Ready ready) {
  if (ready.timer && state_ != State::kOver) return OnTimeout();
  switch (state_) {
    case State::kHandshake: return AwaitTunnel();
    case State::kPong:
    case State::kClose: return Flush() ? Read() : OnEnd("ended its connection");
    case State::kOver: return;
  }
}

void WebSocketCheck::AwaitTunnel() {
  switch (sent_->Advance()) {
    case SentRequest::State::kFailed: return Tell(ResultOf(sent_->error(), sent_->why()));
    case SentRequest::State::kAnswered:
      return Fail("answered the handshake with " + std::to_string(sent_->answer().status));
    case SentRequest::State::kTunnel: return OnTunnel();
    default: return;
  }
}

void WebSocketCheck::OnTunnel() {
  rules_.rsv1_allowed = http::HasExtension(sent_->answer(), "permessage-deflate");
  tunnel_ = sent_->TakeTunnel(received_);
  sent_.reset();
  tunnel_->Watch(this, kStreamTag);
  if (request_.ping) {
    state_ = State::kPong;
    Send(ws::SmallFrame::Make(ws::Opcode::kPing, payload_, NewMask()).bytes());
  } else {
    Close();
  }
  TakeFrames();
  if (state_ == State::kOver) return;
  Flush() ? Read() : OnEnd("ended its connection");
}

void WebSocketCheck::OnTimeout() {
  switch (state_) {
    case State::kHandshake: return Fail(std::string(sent_->WhatIsLate()));
    case State::kPong: return Fail("no pong in time");
    case State::kClose: return Tell({});
    case State::kOver: return;
  }
}

void WebSocketCheck::Read() {
  const auto scratch = loop_.scratch();
  while (loop_.left() > 0) {
    const net::IoResult got = tunnel_->Read(scratch.first(scratch.size() / 4));
    received_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    TakeFrames();
    if (state_ == State::kOver) return;
    if (got.state == net::IoState::kBlocked)
      return Flush() ? tunnel_->Want({.read = true, .write = !unsent_.empty()})
                     : OnEnd("ended its connection");
    if (got.state != net::IoState::kOk) return OnEnd("ended its connection");
  }
  loop_.Soon(*this, {.tag = kStreamTag});
}

void WebSocketCheck::TakeFrames() {
  const auto bytes = std::as_writable_bytes(std::span(received_));
  size_t at = 0;
  while (state_ != State::kOver) {
    const ws::Scan scan = scanner_.Advance(bytes.subspan(at), rules_, false);
    at += scan.bytes;
    if (scan.stop == ws::Stop::kInput) break;
    if (scan.stop == ws::Stop::kControl) {
      OnControl(scan.control, bytes.subspan(at + scan.control.header_bytes, scan.control.payload_bytes));
      at += scan.control_bytes;
    } else {
      HAWSER_DCHECK(scan.stop == ws::Stop::kViolation);
      return OnEnd("broke a rule of frames (" + std::string(ws::SpecOf(scan.violation).label) + ")");
    }
  }
  received_.erase(0, at);
}

void WebSocketCheck::OnControl(const ws::FrameHeader& header, std::span<const std::byte> payload) {
  if (header.opcode == ws::Opcode::kPing) {
    if (unsent_.size() < kMostUnsent)
      Send(ws::SmallFrame::Make(ws::Opcode::kPong, payload, NewMask()).bytes());
  } else if (header.opcode == ws::Opcode::kClose) {
    OnClose(ws::ParseClose(payload).code);
  } else if (state_ == State::kPong && std::ranges::equal(payload, payload_)) {
    Close();
  }
}

// Each side sends one close frame (RFC 6455 §5.5.1).
void WebSocketCheck::OnClose(uint16_t code) {
  if (state_ == State::kPong) Send(ws::SmallFrame::MakeClose(code, "", NewMask()).bytes());
  Flush();
  OnEnd("closed with " + std::to_string(code));
}

// No more can come.
void WebSocketCheck::OnEnd(std::string_view why) {
  if (state_ == State::kClose) return Tell({});
  Fail(std::string(why) + " before its pong");
}

void WebSocketCheck::Close() {
  state_ = State::kClose;
  Send(ws::SmallFrame::MakeClose(kNormalClosure, "", NewMask()).bytes());
}

// It leaves with the next Flush.
void WebSocketCheck::Send(std::span<const std::byte> frame) {
  unsent_.append(reinterpret_cast<const char*>(frame.data()), frame.size());
}

// False: the connection is broken.
bool WebSocketCheck::Flush() {
  const net::IoResult put = tunnel_->Write(std::as_bytes(std::span(unsent_)));
  unsent_.erase(0, put.bytes);
  return put.state != net::IoState::kError;
}

ws::Mask WebSocketCheck::NewMask() {
  ws::Mask mask;
  FillRandom(mask);
  return mask;
}

void WebSocketCheck::GiveUp() {
  state_ = State::kOver;
  timer_.Cancel();
  sent_.reset();
  if (tunnel_ == nullptr) return;
  tunnel_->ShutdownWrite();
  std::exchange(tunnel_, nullptr)->Close(net::CloseReason::kOrderly);
}

void WebSocketCheck::Tell(CheckResult result) {
  GiveUp();
  CheckDone done = std::move(done_);
  done(std::move(result));  // which may let go of this
}

}  // namespace hawser::cluster
