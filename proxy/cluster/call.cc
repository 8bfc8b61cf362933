#include "proxy/cluster/call.h"

#include <optional>
#include <string_view>

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

http::RequestHead HeadOf(const Call::Request& request, const std::string& length) {
  http::RequestHead head{.method = request.method,
                         .target = request.path,
                         .authority = request.host,
                         .body = !request.body.empty()};
  for (const auto& [name, value] : request.headers) head.headers.Add(name, value);
  if (head.body) head.headers.Add("Content-Length", length);
  return head;
}

}  // namespace

// What the loop calls.
class Call::Life final : public event::IoHandler {
 public:
  Life(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
       std::shared_ptr<Endpoint> endpoint, Request request, const Limits& limits, Done done)
      : loop_(loop),
        request_(std::move(request)),
        length_(std::to_string(request_.body.size())),
        head_(HeadOf(request_, length_)),
        most_body_(limits.body),
        done_(std::move(done)),
        timer_(*this, kTimerTag) {
    HAWSER_DCHECK(!request_.host.empty());
    sent_.emplace(loop, pool, std::move(cluster), std::move(endpoint),
                  SentRequest::Request{.head = head_, .body = request_.body}, *this, kStreamTag);
    loop_.Arm(timer_, limits.timeout);
    loop_.Soon(*this, {.tag = kStreamTag});  // so that nothing is told before the caller has it
  }

  void OnReady(event::Ready ready) override {
    if (!sent_) return;
    if (ready.timer) return Finish(CallError::kTimedOut, std::string(sent_->WhatIsLate()));
    switch (sent_->Advance()) {
      case SentRequest::State::kFailed: return Finish(sent_->error(), sent_->why());
      case SentRequest::State::kAnswered: return ReadBody();
      default: return;
    }
  }

  // Ends what is under way. Nothing is told.
  void GiveUp() {
    timer_.Cancel();
    sent_.reset();
  }

 private:
  enum Tag : uint8_t { kStreamTag = 0, kTimerTag = 1 };

  void ReadBody() {
    http::ClientStream& stream = sent_->stream();
    const auto scratch = loop_.scratch();
    while (sent_->answer().body) {
      if (loop_.left() == 0) return loop_.Soon(*this, {.tag = kStreamTag});
      const net::IoResult got = stream.Read(scratch.first(scratch.size() / 4));
      if (got.state == net::IoState::kError) return OnBodyBroken(stream);
      if (got.bytes > most_body_ - body_.size()) return OnTooLarge();
      body_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
      if (got.state == net::IoState::kBlocked) return stream.Want({.read = true});
      if (got.state == net::IoState::kEnd) break;
    }
    Result result = TakeAnswer();
    result.body = std::move(body_);
    sent_->Return();
    Tell(std::move(result));
  }

  void OnBodyBroken(const http::ClientStream& stream) {
    if (stream.malformed()) return Finish(CallError::kMalformed, "a malformed body");
    Finish(CallError::kEnded, WhyOf(stream, "ended amid the answer"));
  }

  void OnTooLarge() {
    Result result = TakeAnswer();
    result.error = CallError::kTooLarge;
    result.why = "the answer's body is too large";
    Tell(std::move(result));
  }

  void Finish(CallError error, std::string why) { Tell({.error = error, .why = std::move(why)}); }

  // Its text goes with the stream.
  Result TakeAnswer() {
    Result result{.status = sent_->answer().status};
    for (const http::Header& header : sent_->answer().headers)
      result.headers.emplace_back(header.name, header.value);
    return result;
  }

  void Tell(Result result) {
    GiveUp();
    Done done = std::move(done_);
    done(std::move(result));  // which may let go of this
  }

  event::Loop& loop_;
  const Request request_;
  const std::string length_;
  const http::RequestHead head_;
  const size_t most_body_;
  std::string body_;
  Done done_;
  event::Timer timer_;
  std::optional<SentRequest> sent_;  // until it is over
};

Call::Call(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
           std::shared_ptr<Endpoint> endpoint, Request request, const Limits& limits, Done done)
    : life_(loop, std::make_unique<Life>(loop, pool, std::move(cluster), std::move(endpoint),
                                         std::move(request), limits, std::move(done))) {}
Call::Call(Call&&) noexcept = default;
Call::~Call() = default;

}  // namespace hawser::cluster
