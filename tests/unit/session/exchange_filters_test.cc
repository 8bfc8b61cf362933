// What the filters of a route may do to a request: wait, be late, answer, and go when the request goes. Over a scripted
// client and a stepped clock; the route answers by itself, so that no backend is needed.
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http1/server_stream.h"
#include "proxy/session/exchange.h"
#include "proxy/session/offload.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::session {
namespace {

using filters::Verdict;
using testing::HasSubstr;
using testing::StartsWith;

constexpr base::Duration kMost{500};
constexpr base::Duration kTick{10};  // a timer is up to so much late

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

// A worker with one route, on which one filter waits, and the owner of one request at a time.
class WaitingRequest : public testing::Test, public event::IoHandler {
 protected:
  WaitingRequest() {
    auto config = std::make_unique<config::Config>();
    config->listeners.resize(1);
    config->listeners[0].name = "main";
    config->routes.resize(1);
    config->routes[0].direct_response = config::DirectResponse{.status = 200, .body = "passed\n"};
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.push_back({.settings = config->listeners[0], .index = 0});
    snapshot->routes = std::make_unique<route::RouteTable>(route::RouteTable::Create(*config).value());
    std::vector<std::unique_ptr<const filters::Filter>> filters;
    filters.push_back(std::make_unique<Waiting>(context_));
    snapshot->filters.emplace_back(std::move(filters));
    snapshot->config = std::move(config);
    backends_.emplace(*loop_, buffers_, stick_table_, std::move(snapshot), services_.random);
    Begin();
  }

  void Begin() {
    http::RequestHead head{.method = "GET", .target = "/", .authority = "a.test"};
    head.headers.Add("Host", "a.test");
    exchange_.reset();
    request_.emplace(*loop_, client_, head, "", "");
    request_->Watch(this, Exchange::kClientTag);
    exchange_ = std::make_unique<Exchange>(services_, *backends_, backends_->snapshot(), *this,
                                           Exchange::Client{.stream = *request_,
                                                            .listener = backends_->snapshot()->listeners[0],
                                                            .peer = peer_,
                                                            .tls = false},
                                           std::move(head));
    OnReady({});
  }

  void OnReady(event::Ready ready) override {
    ++calls_;
    if (exchange_ != nullptr) progress_ = exchange_->Advance(ready);
  }

  // One turn of the loop, after that time.
  void Turn(base::Duration after = base::Duration(0)) {
    clock_.Advance(after);
    loop_->RunOnce(base::Duration(0));
  }

  uint64_t Counted(http::Reject reject) const {
    stats::Totals totals;
    stats_.AddTo(totals);
    return totals.rejects[static_cast<size_t>(reject)];
  }

  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = event::Loop::Create(clock_.reader()).value();
  net::BufferPool buffers_;
  stats::WorkerStats stats_;
  Sessions sessions_{*loop_};
  cluster::StickTable stick_table_{1, base::Duration(1000)};
  const http::Via via_{1};
  WorkerServices services_{.loop = *loop_,
                           .buffers = buffers_,
                           .stats = stats_,
                           .sessions = sessions_,
                           .access_log = nullptr,
                           .via = via_,
                           .deflate{64, DeflateCountersOf(stats_)},
                           .listener_ports = std::vector<std::string>(1)};
  std::optional<Backends> backends_;
  const net::SocketAddress peer_;
  filters::Context* context_ = nullptr;  // of the request that waits
  fakes::FakeStream client_;
  std::optional<http1::ServerStream> request_;
  std::unique_ptr<Exchange> exchange_;
  Exchange::Progress progress_ = Exchange::Progress::kWaiting;
  int calls_ = 0;
};

TEST_F(WaitingRequest, PassesWithTheFiltersVerdict) {
  EXPECT_EQ(client_.written(), "");
  context_->Resume(Verdict::Continue());
  Turn();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(progress_, Exchange::Progress::kReusable);
}

TEST_F(WaitingRequest, IsRefusedWithTheFiltersReasonWhenItsTimeIsOver) {
  Turn(kMost - kTick);
  EXPECT_EQ(client_.written(), "");
  Turn(2 * kTick);
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(Counted(http::Reject::kOriginNotAllowed), 1U);
}

// What the client sends meanwhile must not begin the time anew.
TEST_F(WaitingRequest, IsLateWhateverItsClientSends) {
  for (int i = 0; i < 4; ++i) {
    Turn(kMost / 5);
    client_.Feed("x");
    client_.Deliver();
  }
  Turn(kMost / 5 + kTick);
  EXPECT_EQ(Counted(http::Reject::kOriginNotAllowed), 1U);
}

TEST_F(WaitingRequest, PassesWhereTheVerdictAndTheEndOfItsTimeComeInOneTurn) {
  context_->Resume(Verdict::Continue());
  Turn(kMost + kTick);
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(Counted(http::Reject::kOriginNotAllowed), 0U);
}

TEST_F(WaitingRequest, TakesNoVerdictAfterItsTime) {
  client_.SetRoom(0);  // so that the refusal stays under way
  Turn(kMost + kTick);
  const int before = calls_;
  context_->Resume(Verdict::Continue());
  Turn();
  EXPECT_EQ(calls_, before);
  client_.AddRoom(10000);
  client_.Deliver();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 403 "));
}

TEST_F(WaitingRequest, IsAnsweredWithWhatTheFilterSays) {
  context_->Resume(Verdict::Answer(http::MakeLocalResponse(401, {{"WWW-Authenticate", "Bearer"}}, "who?"),
                                   http::Reject::kOriginNotAllowed));
  Turn();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(client_.written(), HasSubstr("\r\nWWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(client_.written(), HasSubstr("\r\nX-Asked: 1\r\n"));
  EXPECT_THAT(client_.written(), testing::EndsWith("\r\n\r\nwho?"));
  EXPECT_EQ(Counted(http::Reject::kOriginNotAllowed), 1U);
}

TEST_F(WaitingRequest, AnAnswerWithoutAReasonIsNoRefusal) {
  context_->Resume(Verdict::Answer(http::MakeLocalResponse(204, {}, ""), http::Reject::kNone));
  Turn();
  EXPECT_THAT(client_.written(), StartsWith("HTTP/1.1 204 "));
  for (const http::RejectSpec& spec : http::RejectTable()) EXPECT_EQ(Counted(spec.reject), 0U) << spec.label;
}

TEST_F(WaitingRequest, WhatAFilterKeepsOnTheWorkerOutlivesRequests) {
  context_->Resume(Verdict::Continue());
  Turn();
  Begin();
  context_->Resume(Verdict::Continue());
  Turn();
  EXPECT_THAT(client_.written(), HasSubstr("\r\nX-Asked: 1\r\n"));
  EXPECT_THAT(client_.written(), HasSubstr("\r\nX-Asked: 2\r\n"));
}

TEST_F(WaitingRequest, IsNotCalledForAVerdictOnceItIsGone) {
  context_->Resume(Verdict::Continue());
  exchange_.reset();
  const int before = calls_;
  Turn();
  EXPECT_EQ(calls_, before);
}

// The filter's own reason stands in the log, as a refusal's does.
TEST_F(WaitingRequest, ItsAnswerIsLoggedWithTheFiltersReason) {
  const std::string path = testing::TempDir() + "/exchange_filters_test.log";
  std::remove(path.c_str());
  auto log = AccessLog::Open({.path = path, .format = "%status% %reason% %flag% %closed_by%"}).value();
  services_.access_log = log.get();
  context_->Resume(Verdict::Answer(http::MakeLocalResponse(401, {}, ""), http::Reject::kOriginNotAllowed));
  Turn();
  services_.access_log = nullptr;
  log.reset();
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "401 origin_not_allowed ORG policy");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace hawser::session
