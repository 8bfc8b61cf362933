// A request's tries at its backends: their order, which endpoint is blamed, and that failed tries leave
// nothing behind.
#include "proxy/session/backend_request.h"

#include <string>

#include "gmock/gmock.h"
#include "tests/unit/session/worker_fixture.h"

namespace hawser::session::backend_request_test {
namespace {

using http::Reject;
using stats::Metric;
using HeadState = http::ClientStream::HeadState;
using State = BackendRequest::State;
using testing::HasSubstr;
using testing::StartsWith;

constexpr uint8_t kTag = 1;

class Harness final : public WorkerFixture, public event::IoHandler {
 public:
  using WorkerFixture::WorkerFixture;
  ~Harness() override {
    Drop();
    EndAll();
  }

  void Start(std::string_view method = "GET", cluster::AffinityLookup session = {}) {
    head_ = {.method = method, .target = "/", .authority = "a"};
    request_.emplace(
        services, *backends, backends->Find(rooms()),
        BackendRequest::Request{.head = head_, .upgrade = nullptr, .record = record, .session = session},
        BackendRequest::Waiter{.owner = *this, .tag = kTag, .timer = timer_});
    request_->Advance();
  }
  void StartHandshake() {
    head_ = {.method = "GET", .target = "/", .authority = "a"};
    upgrade_ = {.websocket = true, .key = "dGhlIHNhbXBsZSBub25jZQ=="};
    request_.emplace(
        services, *backends, backends->Find(rooms()),
        BackendRequest::Request{.head = head_, .upgrade = &upgrade_, .record = record, .session = {}},
        BackendRequest::Waiter{.owner = *this, .tag = kTag, .timer = timer_});
    request_->Advance();
  }

  void OnReady(event::Ready ready) override {
    if (!request_) return;
    if (ready.timer && request_->state() != State::kSent) request_->OnTimeout();
    request_->Advance();
  }

  // Goes on until nothing moves, with the answer's heads and all tries that follow, also after answers that
  // another takes the place of.
  HeadState Await() {
    http::ResponseHead head;
    HeadState read = HeadState::kBlocked;
    for (int quiet = 0; quiet < 3 && request_->state() != State::kFailed;) {
      const bool moved = kept.Deliver();
      Turn();
      quiet = moved ? 0 : quiet + 1;
      if (request_->state() != State::kSent) continue;
      request_->stream().Want({.read = true});
      read = request_->ReadHead(head);
      if (read == HeadState::kEnded) request_->OnEnded(body_begun);
      if (read == HeadState::kEnded) request_->Advance();
      if (read != HeadState::kFinal) continue;
      if (!request_->Replaces(head, body_begun)) return read;
      read = HeadState::kBlocked;
      request_->Advance();
    }
    return read;
  }

  BackendRequest& request() { return *request_; }
  // As its owner's end does.
  void Drop() {
    request_.reset();
    record.endpoint.Release();
  }

  fakes::FakeStream kept;  // of no use until it is kept
  RequestRecord record;
  bool body_begun = false;

 private:
  http::RequestHead head_;
  http::UpgradeRequest upgrade_;
  event::Timer timer_{*this, 2};
  std::optional<BackendRequest> request_;
};

WorkerFixture::Change Retries(uint32_t most) {
  return [most](config::Config& config) { config.clusters[0].retry.attempts = most; };
}

TEST(BackendRequest, OpensAConnectionAndSendsTheHeadAtOnce) {
  Harness harness;
  harness.Start();
  EXPECT_EQ(harness.Await(), HeadState::kBlocked);
  EXPECT_EQ(harness.request().state(), State::kSent);
  EXPECT_EQ(harness.record.endpoint.get(), &harness.endpoint());
  EXPECT_EQ(harness.endpoint().active(), 1);
  const net::Socket peer = harness.port().Accept();
  EXPECT_THAT(Heard(peer), StartsWith("GET / HTTP/1.1\r\n"));
  Say(peer, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(harness.Await(), HeadState::kFinal);
  harness.request().Return();
  EXPECT_EQ(harness.endpoint().idle_connections(), 1);
  harness.Drop();
  EXPECT_EQ(harness.endpoint().active(), 0);
}

TEST(BackendRequest, AnEndpointThatRefusesIsFollowedByAnother) {
  Harness harness(2, Retries(1));
  harness.ClosePort(0);
  for (int i = 0; i < 2; ++i) {  // one of the two begins at the closed port
    harness.Start();
    harness.Await();
    EXPECT_EQ(harness.request().state(), State::kSent);
    EXPECT_EQ(&harness.request().endpoint(), &harness.endpoint(1));
    harness.Drop();
  }
  EXPECT_EQ(harness.endpoint(0).failures(), 1U);
  EXPECT_EQ(harness.endpoint(0).connect_failures(), 1U);
  EXPECT_EQ(harness.Counted(Metric::kBackendConnectRetries), 1U);
}

TEST(BackendRequest, WithoutARetryTheFirstFailureIsTheLast) {
  Harness harness(1, Retries(0));
  harness.ClosePort();
  harness.Start();
  harness.Await();
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.request().failure(), Reject::kConnectFailed);
  EXPECT_THAT(harness.request().failure_text(), HasSubstr("refused"));
  EXPECT_EQ(harness.Counted(Metric::kBackendConnectRetries), 0U);
}

TEST(BackendRequest, WithoutAnotherEndpointARefusedConnectionIsNotTriedAgain) {
  Harness harness(1, Retries(5));
  harness.ClosePort();
  harness.Start();
  harness.Await();
  EXPECT_EQ(harness.request().failure(), Reject::kConnectFailed);
  EXPECT_EQ(harness.Counted(Metric::kBackendConnects), 1U);
}

TEST(BackendRequest, AClusterWithoutEndpointsHasNone) {
  Harness harness(0);
  harness.Start();
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.request().failure(), Reject::kNoEndpoint);
  EXPECT_EQ(harness.record.endpoint, nullptr);
}

// What has reached a backend on a connection that ends then.
struct Sent {
  std::string_view method;
  bool body_begun;
  bool again;
};

TEST(BackendRequest, IsSentAgainOnlyWhereThatIsSafe) {
  for (const Sent sent : {Sent{"GET", false, true}, Sent{"POST", false, false}, Sent{"PUT", false, true},
                          Sent{"PUT", true, false}}) {
    SCOPED_TRACE(std::string(sent.method) + (sent.body_begun ? " with a body" : ""));
    Harness harness;
    harness.Keep(harness.kept);
    harness.body_begun = sent.body_begun;
    harness.Start(sent.method);
    harness.Await();
    EXPECT_THAT(harness.kept.written(), StartsWith(std::string(sent.method) + " / HTTP/1.1\r\n"));
    harness.kept.FeedEnd();
    harness.Await();
    EXPECT_EQ(harness.request().state(), sent.again ? State::kSent : State::kFailed);
    EXPECT_EQ(harness.port().Accept().open(), sent.again);
    EXPECT_EQ(harness.request().failure(), Reject::kBackendClosed);
    EXPECT_EQ(harness.endpoint().failures(), 0U) << "a kept connection's end says nothing of its endpoint";
    EXPECT_TRUE(harness.kept.closed());
  }
}

TEST(BackendRequest, ANewConnectionThatEndsIsTheEndpointsFault) {
  Harness harness(1, Retries(2));
  harness.Start();
  harness.Await();
  harness.port().Accept();  // and closes it
  harness.Await();
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.request().failure(), Reject::kBackendClosed);
  EXPECT_EQ(harness.endpoint().failures(), 1U);
}

TEST(BackendRequest, EndsWhicheverCallOfAKeptConnectionFails) {
  for (const bool one_byte_a_call : {false, true}) {
    bool failed = true;
    for (int n = 1; failed; ++n) {
      Harness harness;
      harness.Keep(harness.kept);
      if (one_byte_a_call) harness.kept.OneByteAtATime();
      const int before = harness.kept.calls();
      harness.kept.FailCall(n);
      harness.Start();
      harness.Await();
      harness.kept.Feed("HTTP/1.1 204 No Content\r\n\r\n");
      const HeadState read = harness.Await();
      failed = harness.kept.calls() - before >= n;
      EXPECT_EQ(harness.kept.closed(), failed) << "call " << n;
      if (!failed) {
        EXPECT_EQ(read, HeadState::kFinal);
      } else if (harness.request().state() == State::kFailed) {
        EXPECT_EQ(harness.request().failure(), Reject::kBackendClosed) << "a part of an answer had come";
        EXPECT_FALSE(harness.port().Accept().open());
      } else {
        EXPECT_TRUE(harness.port().Accept().open()) << "call " << n;
      }
      EXPECT_EQ(harness.endpoint().failures(), 0U);
      ASSERT_LT(n, 1000);
    }
  }
}

// --- Time ---

// A port whose queue is full answers no connection: the kernel drops the SYN.
class FullPort {
 public:
  explicit FullPort(const Port& port) {
    EXPECT_EQ(listen(port.socket.fd(), 0), 0);
    first_ = net::Connect(port.address).value();
    second_ = net::Connect(port.address).value();
  }

 private:
  net::Socket first_;
  net::Socket second_;
};

TEST(BackendRequest, AConnectionThatIsNotMadeInTimeIsAFailure) {
  Harness harness(1, [](config::Config& config) {
    config.clusters[0].connect_timeout = 100ms;
    config.clusters[0].retry.attempts = 0;
  });
  const FullPort full(harness.port());
  harness.Start();
  harness.Await();
  EXPECT_EQ(harness.request().state(), State::kSendHead);
  harness.Pass(98ms - 2ms);
  EXPECT_EQ(harness.request().state(), State::kSendHead);
  harness.Pass(10ms);
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.request().failure(), Reject::kConnectTimeout);
  EXPECT_EQ(harness.endpoint().failures(), 1U);
  EXPECT_EQ(harness.endpoint().connecting(), 0);
}

TEST(BackendRequest, AnAnswerThatIsLateIsAHandshakesFailureAlone) {
  for (const bool handshake : {false, true}) {
    Harness harness;
    handshake ? harness.StartHandshake() : harness.Start();
    harness.Await();
    harness.request().OnLate();
    EXPECT_EQ(harness.endpoint().failures(), handshake ? 1U : 0U);
    EXPECT_EQ(harness.request().failure_text(), "no answer in time");
    EXPECT_EQ(harness.request().state(), State::kSent) << "nothing is sent again";
  }
}

TEST(BackendRequest, WhatAHandshakeIsAnsweredEndsOrLengthensARowOfItsOwn) {
  const auto failures_after = [](bool handshake, std::string_view answer) {
    Harness harness;
    harness.endpoint().CountHandshakeFailure();
    handshake ? harness.StartHandshake() : harness.Start();
    harness.Await();
    {
      const net::Socket peer = harness.port().Accept();
      Heard(peer);
      Say(peer, answer);
      if (!answer.empty()) harness.Await();
    }
    if (answer.empty()) harness.Await();
    harness.Drop();
    return harness.endpoint().handshake_failures();
  };
  EXPECT_EQ(failures_after(true, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), 2U);
  EXPECT_EQ(failures_after(true, "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
            2U);
  EXPECT_EQ(failures_after(true, "what?\r\n\r\n"), 2U);
  EXPECT_EQ(failures_after(true, ""), 2U) << "an end instead of an answer";
  EXPECT_EQ(failures_after(true, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), 0U);
  EXPECT_EQ(failures_after(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 1U);
  EXPECT_EQ(failures_after(false, ""), 1U);
}

TEST(BackendRequest, GivenUpItLeavesNothing) {
  for (const bool sent : {false, true}) {
    Harness harness;
    harness.Keep(harness.kept);
    if (!sent) harness.kept.SetRoom(0);
    harness.Start();
    EXPECT_EQ(harness.request().state(), sent ? State::kSent : State::kSendHead);
    harness.request().GiveUp();
    EXPECT_TRUE(harness.kept.closed());
    harness.Turn();
    harness.Drop();
    EXPECT_EQ(harness.endpoint().active(), 0);
  }
}

// --- Answers that another try takes the place of ---

WorkerFixture::Change On503(uint32_t attempts) {
  return [attempts](config::Config& config) {
    config.clusters[0].retry = {.attempts = attempts, .retry_on = {config::RetryOn::k503}};
  };
}
constexpr std::string_view kBusy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

TEST(BackendRequest, AnAnswerThatIsNamedIsFollowedByAnotherTry) {
  Harness harness(2, On503(2));
  harness.Start();
  harness.Await();
  cluster::Endpoint& first = harness.request().endpoint();
  const size_t place = &first == &harness.endpoint(0) ? 0 : 1;
  Say(harness.port(place).Accept(), kBusy);
  EXPECT_EQ(harness.Await(), HeadState::kBlocked);
  EXPECT_EQ(harness.request().state(), State::kSent);
  EXPECT_EQ(&harness.request().endpoint(), &harness.endpoint(1 - place));
  EXPECT_EQ(first.active(), 0);
  EXPECT_EQ(first.load().retries(), 1);
  EXPECT_EQ(harness.record.attempts, 2);
  EXPECT_EQ(harness.record.parts, http::kRetryPart);
  Say(harness.port(1 - place).Accept(), kBusy);
  EXPECT_EQ(harness.Await(), HeadState::kFinal) << "no endpoint is left: it is relayed";
  EXPECT_EQ(first.load().retries(), 0) << "its body does not count";
}

TEST(BackendRequest, AnAnswerIsNotGivenUpForAPlaceInAQueue) {
  Harness harness(2, [](config::Config& config) {
    config.clusters[0].retry = {.retry_on = {config::RetryOn::k503}};
    config.clusters[0].admission = {.rate{10}, .burst = 1, .pending = 10, .wait = 5s};
  });
  harness.StartHandshake();
  harness.Await();
  const size_t place = &harness.request().endpoint() == &harness.endpoint(0) ? 0 : 1;
  const cluster::AdmissionRate rate = cluster::AdmissionRate::Of(10, 1);
  ASSERT_TRUE(harness.endpoint(1 - place).admission().TryTake(harness.loop->now(), rate));
  Say(harness.port(place).Accept(), kBusy);
  EXPECT_EQ(harness.Await(), HeadState::kFinal);
  EXPECT_EQ(harness.endpoint(0).load().retries(), 0);
}

TEST(BackendRequest, AnAnswerToWhatMayNotBeRepeatedStands) {
  for (const bool begun : {false, true}) {
    Harness harness(2, On503(2));
    harness.body_begun = begun;
    harness.Start(begun ? "PUT" : "POST");
    harness.Await();
    const size_t place = &harness.request().endpoint() == &harness.endpoint(0) ? 0 : 1;
    Say(harness.port(place).Accept(), kBusy);
    EXPECT_EQ(harness.Await(), HeadState::kFinal);
    EXPECT_EQ(harness.record.parts, 0);
  }
}

// --- What is no further try ---

// The pick sees a connection that is idle on another worker, or is not the first to want one.
TEST(BackendRequest, WithoutRoomForAConnectionItGoesElsewhereAndNoTryIsSpent) {
  Harness harness(2, [](config::Config& config) {
    config.clusters[0].retry.attempts = 0;
    config.clusters[0].endpoint_circuit_breakers.connecting = 1;
  });
  cluster::ConnectLease making(harness.endpoint(0));
  const cluster::IdleLease idle(harness.endpoint(0));
  uint8_t parts = 0;
  for (int i = 0; i < 2; ++i) {  // one of the two begins at the first endpoint
    harness.Start();
    harness.Await();
    EXPECT_EQ(harness.request().state(), State::kSent);
    EXPECT_EQ(&harness.request().endpoint(), &harness.endpoint(1));
    EXPECT_EQ(harness.record.attempts, 1);
    parts |= harness.record.parts;
    harness.Drop();
  }
  EXPECT_EQ(parts, http::kBreakerPart);
  EXPECT_EQ(harness.endpoint(0).failures(), 0U);
}

TEST(BackendRequest, AKeptConnectionThatEndsIsFollowedByANewOneWhateverIsNamed) {
  Harness harness(1, [](config::Config& config) {
    config.clusters[0].retry.retry_on = {config::RetryOn::kConnectFailure};
  });
  harness.Keep(harness.kept);
  harness.Start();
  harness.Await();
  harness.kept.FeedEnd();
  harness.Await();
  EXPECT_EQ(harness.request().state(), State::kSent);
  EXPECT_EQ(harness.record.parts, http::kRetryPart);
}

TEST(BackendRequest, WithoutAnEndpointLeftNothingWasTriedAgain) {
  Harness harness(1, Retries(2));
  harness.ClosePort();
  harness.Start();
  harness.Await();
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.record.attempts, 1);
  EXPECT_EQ(harness.record.parts, 0);
}

// --- The budget ---

TEST(BackendRequest, OverTheBudgetNoTryFollows) {
  Harness harness(2, [](config::Config& config) {
    config.clusters[0].retry.budget_least = 0;
    config.clusters[0].retry.budget_percent = 0;
  });
  harness.ClosePort(0);
  harness.ClosePort(1);
  harness.Start();
  harness.Await();
  EXPECT_EQ(harness.request().failure(), Reject::kConnectFailed);
  EXPECT_EQ(harness.Counted(Metric::kBackendConnects), 1U);
  EXPECT_EQ(harness.Counted(Metric::kBackendRetriesOverBudget), 1U);
  EXPECT_EQ(harness.record.parts, http::kRetryLimitPart);
}

// --- Admission ---

WorkerFixture::Change Admitting(uint32_t burst, uint32_t pending) {
  return [burst, pending](config::Config& config) {
    config.clusters[0].admission = {.rate{10}, .burst = burst, .pending = pending, .wait = 5s};
  };
}

TEST(BackendRequest, AHandshakeWaitsForItsTokenAndAPlainRequestDoesNot) {
  Harness harness(1, Admitting(1, 10));
  harness.StartHandshake();
  EXPECT_NE(harness.request().state(), State::kQueued);
  harness.StartHandshake();
  EXPECT_EQ(harness.request().state(), State::kQueued);
  EXPECT_EQ(harness.endpoint().handshakes(), 1) << "it is counted where it waits";
  harness.Pass(50ms);
  EXPECT_EQ(harness.request().state(), State::kQueued);
  harness.Pass(60ms);
  harness.Turn();
  EXPECT_NE(harness.request().state(), State::kQueued);
  EXPECT_GE(harness.record.queue_ms, 100);
  EXPECT_EQ(harness.record.parts, http::kQueuePart);
  harness.Start();
  EXPECT_NE(harness.request().state(), State::kQueued);
}

TEST(BackendRequest, AHandshakeThatIsGivenUpWhileItWaitsLeavesNothing) {
  Harness harness(1, Admitting(1, 1));
  harness.StartHandshake();
  for (int i = 0; i < 3; ++i) {
    harness.StartHandshake();
    EXPECT_EQ(harness.request().state(), State::kQueued);
    harness.request().Return();
    EXPECT_EQ(harness.endpoint().admission().pending(), 0U);
    EXPECT_EQ(harness.Counted(Metric::kAdmissionWaiting), 0U);
  }
}

TEST(BackendRequest, WhereNoMoreMayWaitAHandshakeIsRefused) {
  Harness harness(1, Admitting(1, 0));
  harness.StartHandshake();
  harness.StartHandshake();
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.request().failure(), Reject::kAdmissionFull);
}

TEST(BackendRequest, AHandshakeThatWaitedForTooLongIsRefused) {
  Harness harness(1, [](config::Config& config) {
    config.clusters[0].admission = {.rate{0.01}, .burst = 1, .pending = 1, .wait = 300ms};
  });
  harness.StartHandshake();
  harness.StartHandshake();
  for (int i = 0; i < 4; ++i) harness.Pass(100ms);
  harness.Turn();
  EXPECT_EQ(harness.request().state(), State::kFailed);
  EXPECT_EQ(harness.request().failure(), Reject::kAdmissionTimeout);
  EXPECT_EQ(harness.Counted(Metric::kAdmissionWaits), 1U);
}

TEST(BackendRequest, WhoWaitsPicksAnewWhenItsEndpointFails) {
  Harness harness(2, Admitting(1, 10));
  harness.StartHandshake();
  harness.StartHandshake();  // each endpoint has given its token
  harness.StartHandshake();
  ASSERT_EQ(harness.request().state(), State::kQueued);
  cluster::Endpoint& first = harness.request().endpoint();
  first.health().SetChecked(first, false, "the check failed", harness.loop->now());
  harness.Pass(AdmissionQueue::kLook);
  harness.Turn();
  EXPECT_NE(&harness.request().endpoint(), &first);
  EXPECT_EQ(first.admission().pending(), 0U);
}

// --- Changes under a request ---

// The cluster of now under other settings, with those of its endpoints at `places`.
std::shared_ptr<const cluster::Membership> Changed(const cluster::Membership& now,
                                                   const std::vector<size_t>& places,
                                                   const std::function<void(config::Cluster&)>& change = {}) {
  config::Cluster settings = now.cluster()->settings();
  if (change) change(settings);
  auto cluster = std::make_shared<const cluster::Cluster>(settings, now.cluster()->interned_name());
  std::vector<cluster::Member> members;
  for (const size_t place : places) members.push_back(now.members()[place]);
  return std::make_shared<const cluster::Membership>(std::move(cluster), now.health(), std::move(members));
}

// Two endpoints by their places among the members, which are sorted by address.
class Changing : public testing::Test {
 protected:
  explicit Changing(size_t ports = 2)
      : harness_(ports, Retries(1)),
        before_(harness_.backends->Find(harness_.rooms())->shared_membership()) {}
  ~Changing() override {
    harness_.Drop();
    if (harness_.backends->Find(harness_.rooms()) != nullptr) Now(before_);
  }

  std::shared_ptr<const cluster::Membership> Now(std::shared_ptr<const cluster::Membership> membership) {
    return harness_.backends->UpdateCluster(std::move(membership));
  }
  size_t PlaceOf(const cluster::Endpoint& endpoint) const {
    return before_->members()[0].endpoint.get() == &endpoint ? 0 : 1;
  }
  size_t PortOf(const cluster::Endpoint& endpoint) const {
    return harness_.port(0).address == endpoint.address() ? 0 : 1;
  }

  Harness harness_;
  const std::shared_ptr<const cluster::Membership> before_;
};

TEST_F(Changing, ARequestGoesOnWhenItsEndpointLeavesAndIsForgotten) {
  harness_.Start();
  harness_.Await();
  cluster::Endpoint& endpoint = harness_.request().endpoint();
  Now(Changed(*before_, {1 - PlaceOf(endpoint)}));
  harness_.backends->Forget(endpoint);
  const net::Socket peer = harness_.port(PortOf(endpoint)).Accept();
  Say(peer, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(harness_.Await(), HeadState::kFinal);
  EXPECT_EQ(&harness_.request().endpoint(), &endpoint);
  harness_.request().Return();
  EXPECT_EQ(endpoint.idle_connections(), 0) << "nobody would ask for it";
}

TEST_F(Changing, ARequestGoesOnWhenItsClusterIsGone) {
  harness_.Start();
  harness_.Await();
  const cluster::Endpoint& endpoint = harness_.request().endpoint();
  EXPECT_EQ(harness_.backends->RemoveCluster(before_->cluster()->id()), before_);
  const net::Socket peer = harness_.port(PortOf(endpoint)).Accept();
  Say(peer, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(harness_.Await(), HeadState::kFinal);
  harness_.request().Return();
  EXPECT_EQ(endpoint.idle_connections(), 1) << "until it is forgotten";
  harness_.backends->Forget(endpoint);
  EXPECT_EQ(endpoint.idle_connections(), 0);
  EXPECT_EQ(Now(before_), nullptr) << "a new one of the same name";
}

TEST_F(Changing, KeptConnectionsOfAnotherTransportEndWithoutARequest) {
  harness_.Keep(harness_.kept);
  Now(Changed(*before_, {0, 1}, [](config::Cluster& settings) { settings.connect_timeout = 1s; }));
  EXPECT_FALSE(harness_.kept.closed());
  Now(Changed(*before_, {0, 1},
              [](config::Cluster& settings) { settings.protocol = config::BackendProtocol::kAuto; }));
  EXPECT_TRUE(harness_.kept.closed());
}

}  // namespace
}  // namespace hawser::session::backend_request_test
