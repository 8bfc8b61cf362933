#include "proxy/tls/tickets.h"

#include <atomic>
#include <thread>

#include "tests/unit/tls/fixture.h"

namespace hawser::tls {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class Tickets : public testing::TestWithParam<int> {
 protected:
  Tickets() : context_(Make()) {}

  std::shared_ptr<TicketKeys> Keys() {
    return std::make_shared<TicketKeys>(hours(1), [this] { return base::TimePoint(hours(1000)) + elapsed_; });
  }
  std::shared_ptr<const ServerContext> Make(std::shared_ptr<TicketKeys> keys = nullptr) {
    return ContextOf({.certificates = {files_}}, keys != nullptr ? keys : Keys());
  }
  // Connects, with the ticket of last time; keeps the ticket that comes, if one does. Whether it was resumed.
  bool Connect() {
    Link link(context_, {.max_version = GetParam(), .session = session_.get()});
    EXPECT_EQ(link.Shake(), HandshakeResult::kDone) << link.server->HandshakeError();
    EXPECT_EQ(link.peer.reused(), link.server->session_reused());
    EXPECT_EQ(ERR_peek_error(), 0U);
    tickets_ = link.peer.tickets();
    if (SessionPtr session = link.peer.TakeSession(); session != nullptr) session_ = std::move(session);
    return link.peer.reused();
  }

  Directory directory_;
  CertificateFiles files_ = directory_.Ecdsa({"a"});
  milliseconds elapsed_{0};
  std::shared_ptr<const ServerContext> context_;
  SessionPtr session_;
  size_t tickets_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Versions, Tickets, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& one) { return one.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(Tickets, ASessionIsResumedWithItsTicket) {
  EXPECT_FALSE(Connect());
  EXPECT_EQ(tickets_, 1U);
  EXPECT_TRUE(Connect());
  // TLS 1.3 clients use a ticket once, so there is a new one each time.
  EXPECT_EQ(tickets_, GetParam() == TLS1_3_VERSION ? 1U : 0U);
}

TEST_P(Tickets, ATicketOfTheKeyBeforeIsHonouredAndReplaced) {
  Connect();
  elapsed_ = hours(1) + milliseconds(1);
  EXPECT_TRUE(Connect());
  elapsed_ = hours(2) + milliseconds(2);  // the first key's time is over; the replacement's is not
  EXPECT_TRUE(Connect());
}

TEST_P(Tickets, ATicketIsRefusedAfterTwoRotations) {
  Connect();
  elapsed_ = hours(2);
  EXPECT_FALSE(Connect());
  EXPECT_TRUE(Connect());
}

TEST_P(Tickets, AnotherContextWithTheSameKeysResumes) {
  const auto keys = Keys();
  context_ = Make(keys);
  Connect();
  context_ = Make(keys);
  EXPECT_TRUE(Connect());
  context_ = Make();
  EXPECT_FALSE(Connect());
}

TEST_P(Tickets, NoneAreSentWhenTheyAreOff) {
  context_ = ContextOf({.certificates = {files_}, .tickets = {.enabled = false}});
  EXPECT_EQ(context_->ticket_keys(), nullptr);
  EXPECT_FALSE(Connect());
  EXPECT_EQ(tickets_, 0U);
}

TEST_P(Tickets, AForgedTicketFallsBackToAFullHandshake) {
  Connect();
  size_t size = 0;
  const unsigned char* ticket = nullptr;
  SSL_SESSION_get0_ticket(session_.get(), &ticket, &size);
  ASSERT_GT(size, 48U);
  const_cast<unsigned char*>(ticket)[size - 1] ^= 1;  // in its MAC
  EXPECT_FALSE(Connect());
}

TEST(TicketCount, IsWhatTheConfigurationSays) {
  Directory directory;
  Link link(ContextOf({.certificates = {directory.Ecdsa({"a"})}, .tickets = {.count = 3}}));
  EXPECT_EQ(link.Shake(), HandshakeResult::kDone);
  EXPECT_EQ(link.peer.tickets(), 3U);
}

// For TSan: rotation while other threads seal and open.
TEST(TicketKeys, ServeManyThreadsWhileTheyRotate) {
  std::atomic<int64_t> time{0};
  Directory directory;
  const auto keys = std::make_shared<TicketKeys>(
      milliseconds(10), [&time] { return base::TimePoint(milliseconds(time.fetch_add(3))); });
  const auto context = ContextOf({.certificates = {directory.Ecdsa({"a"})}}, keys);
  std::atomic<int> resumed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      SessionPtr session;
      for (int round = 0; round < 20; ++round) {
        Link link(context, {.session = session.get()});
        EXPECT_EQ(link.Shake(), HandshakeResult::kDone);
        resumed += link.peer.reused() ? 1 : 0;
        session = link.peer.TakeSession();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(resumed, 0);
}

}  // namespace
}  // namespace hawser::tls
