// What the filters of a route may do to a request: wait, be late, answer, and go when the request goes. Over
// a scripted client and a stepped clock; the route answers by itself, so that no backend is needed.
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http1/server_stream.h"
#include "proxy/session/exchange.h"
#include "tests/fakes/fake_stream.h"
#include "tests/unit/session/worker_fixture.h"

namespace hawser::session {
namespace {

using filters::Verdict;
using testing::HasSubstr;
using testing::StartsWith;

constexpr base::Duration kMost{500};
constexpr base::Duration kTick{10};  // more than a timer may be late

// Waits for whoever holds the context, and marks what it has seen of an answer.
class Waiting final : public filters::Filter {
 public:
  explicit Waiting(filters::Context*& context) : context_(context) {}

  filters::AnyObject MakeLocal(event::Loop&) const override {
    return filters::AnyObject(std::make_unique<int>(0));
  }
  Verdict OnRequest(filters::Context& context) const override {
    ++context.Local<int>();
    context_ = &context;
    return Verdict::Wait(kMost, http::Reject::kOriginNotAllowed);
  }
  void OnResponse(filters::Context& context, http::ResponseHead& head) const override {
    head.headers.Add("X-Asked", context.arena(std::to_string(context.Local<int>())));
  }

 private:
  filters::Context*& context_;
};

std::vector<std::unique_ptr<const filters::Filter>> OneThatWaits(filters::Context*& context) {
  std::vector<std::unique_ptr<const filters::Filter>> filters;
  filters.push_back(std::make_unique<Waiting>(context));
  return filters;
}

void AnswerByRoute(config::Config& config) {
  config.routes[0].cluster.reset();
  config.routes[0].direct_response = config::DirectResponse{.status = 200, .body = "passed\n"};
}

// The owner of a request on whose route one filter waits. Unlike ExchangeHarness it takes back nothing that
// the loop is to call it for: that is the context's task.
class WaitingRequest : public testing::Test, public event::IoHandler {
 protected:
  WaitingRequest() { Begin(); }
  ~WaitingRequest() override { exchange_.reset(); }

  void Begin() {
    http::RequestHead head{.method = "GET", .target = "/", .authority = "a.test"};
    head.headers.Add("Host", "a.test");
    exchange_.reset();
    request_.emplace(*worker_.loop, client_, head, "", "");
    request_->Watch(this, Exchange::kClientTag);
    exchange_ = std::make_unique<Exchange>(
        worker_.services, *worker_.backends, *this,
        Exchange::Client{.stream = *request_, .listener = worker_.listener(), .peer = peer_, .tls = false},
        std::move(head));
    OnReady({});
  }

  void OnReady(event::Ready ready) override {
    ++calls_;
    if (exchange_ != nullptr) progress_ = exchange_->Advance(ready);
  }

  filters::Context* context_ = nullptr;  // of the request that waits
  WorkerFixture worker_{1, AnswerByRoute, OneThatWaits(context_)};
  const net::SocketAddress peer_;
  fakes::FakeStream client_;
  std::optional<http1::ServerStream> request_;
  std::unique_ptr<Exchange> exchange_;
  Exchange::Progress progress_ = Exchange::Progress::kWaiting;
  int calls_ = 0;
};

TEST_F(WaitingRequest, PassesWithTheFiltersVerdict) {
  EXPECT_EQ(client_.written(), "");
  context_->Resume(Verdict::Continue());
  worker_.Turn();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(progress_, Exchange::Progress::kReusable);
}

TEST_F(WaitingRequest, IsRefusedWithTheFiltersReasonWhenItsTimeIsOver) {
  worker_.Pass(kMost - kTick);
  EXPECT_EQ(client_.written(), "");
  worker_.Pass(kTick);
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(worker_.Counted(http::Reject::kOriginNotAllowed), 1U);
}

// What the client sends meanwhile must not begin the time anew.
TEST_F(WaitingRequest, IsLateWhateverItsClientSends) {
  for (int i = 0; i < 4; ++i) {
    worker_.Pass(kMost / 5);
    client_.Feed("x");
    client_.Deliver();
  }
  worker_.Pass(kMost / 5 + kTick);
  EXPECT_EQ(worker_.Counted(http::Reject::kOriginNotAllowed), 1U);
}

TEST_F(WaitingRequest, PassesWhereTheVerdictAndTheEndOfItsTimeComeInOneTurn) {
  context_->Resume(Verdict::Continue());
  worker_.Pass(kMost);
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(worker_.Counted(http::Reject::kOriginNotAllowed), 0U);
}

TEST_F(WaitingRequest, TakesNoVerdictAfterItsTime) {
  client_.SetRoom(0);  // so that the refusal stays under way
  worker_.Pass(kMost);
  const int before = calls_;
  context_->Resume(Verdict::Continue());
  worker_.Turn();
  EXPECT_EQ(calls_, before);
  client_.AddRoom(10000);
  client_.Deliver();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 403 "));
}

TEST_F(WaitingRequest, IsAnsweredWithWhatTheFilterSays) {
  context_->Resume(Verdict::Answer(http::MakeLocalResponse(401, {{"WWW-Authenticate", "Bearer"}}, "who?"),
                                   http::Reject::kOriginNotAllowed));
  worker_.Turn();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(client_.written(), HasSubstr("\r\nWWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(client_.written(), HasSubstr("\r\nX-Asked: 1\r\n"));
  EXPECT_THAT(client_.written(), testing::EndsWith("\r\n\r\nwho?"));
  EXPECT_EQ(worker_.Counted(http::Reject::kOriginNotAllowed), 1U);
}

TEST_F(WaitingRequest, AnAnswerWithoutAReasonIsNoRefusal) {
  context_->Resume(Verdict::Answer(http::MakeLocalResponse(204, {}, ""), http::Reject::kNone));
  worker_.Turn();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 204 "));
  for (const http::RejectSpec& spec : http::RejectTable())
    EXPECT_EQ(worker_.Counted(spec.reject), 0U) << spec.label;
}

TEST_F(WaitingRequest, WhatAFilterKeepsOnTheWorkerOutlivesRequests) {
  context_->Resume(Verdict::Continue());
  worker_.Turn();
  Begin();
  context_->Resume(Verdict::Continue());
  worker_.Turn();
  EXPECT_THAT(client_.written(), HasSubstr("\r\nX-Asked: 1\r\n"));
  EXPECT_THAT(client_.written(), HasSubstr("\r\nX-Asked: 2\r\n"));
}

TEST_F(WaitingRequest, IsNotCalledForAVerdictOnceItIsGone) {
  context_->Resume(Verdict::Continue());
  exchange_.reset();
  const int before = calls_;
  worker_.Turn();
  EXPECT_EQ(calls_, before);
}

// The filter's own reason stands in the log, as a refusal's does.
TEST_F(WaitingRequest, ItsAnswerIsLoggedWithTheFiltersReason) {
  const std::string path = testing::TempDir() + "/exchange_filters_test.log";
  std::remove(path.c_str());
  auto log = AccessLog::Open({.path = path, .format = "%status% %reason% %flag% %closed_by%"}).value();
  worker_.services.access_log = log.get();
  context_->Resume(Verdict::Answer(http::MakeLocalResponse(401, {}, ""), http::Reject::kOriginNotAllowed));
  worker_.Turn();
  worker_.services.access_log = nullptr;
  log.reset();
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "401 origin_not_allowed ORG policy");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace hawser::session
