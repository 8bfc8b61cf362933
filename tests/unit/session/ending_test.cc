// What the end of a tunnel says of its endpoint.
#include "proxy/session/ending.h"

#include "gtest/gtest.h"

namespace hawser::session::ending_test {
namespace {

using cluster::TunnelEnd;
using http::Reject;

std::optional<TunnelEnd> Judged(const Ending& ending, bool pipe = false) {
  const auto judged = ending.judgement(pipe);
  return judged ? std::optional(judged->end) : std::nullopt;
}

Ending CloseFrameOf(ClosedBy by, uint16_t code) {
  Ending ending;
  ending.closed_by = by;
  ending.close_code = code;
  return ending;
}

Ending Lost(Peer peer, bool reset) {
  Ending ending;
  ending.closed_by = ClosedByOf(peer);
  ending.reason = LossOf(peer);
  ending.reset = reset;
  return ending;
}

TEST(TunnelJudgement, TheBackendsCloseFrameIsInOrderUnlessItSaysThatItFailed) {
  for (const uint16_t code : {1000, 1001, 1005, 1008, 1012, 3000, 4999})
    EXPECT_EQ(Judged(CloseFrameOf(ClosedBy::kBackend, code)), TunnelEnd::kNormal) << code;
  EXPECT_EQ(Judged(CloseFrameOf(ClosedBy::kBackend, 1011)), TunnelEnd::kFault);
}

TEST(TunnelJudgement, AClientThatClosesCountsOnceTheBackendHasAnswered) {
  Ending ending = CloseFrameOf(ClosedBy::kClient, 1011);
  EXPECT_EQ(Judged(ending), std::nullopt);
  ending.answered = true;
  EXPECT_EQ(Judged(ending), TunnelEnd::kNormal) << "1011 was the client's";
}

TEST(TunnelJudgement, ALostBackendMayBeAtFault) {
  EXPECT_EQ(Judged(Lost(Peer::kBackend, true)), TunnelEnd::kLost);
  EXPECT_EQ(Judged(Lost(Peer::kBackend, false)), TunnelEnd::kLost);
  EXPECT_EQ(Judged(Lost(Peer::kClient, true)), std::nullopt);
}

TEST(TunnelJudgement, OfAPipeOnlyAResetSaysAnything) {
  EXPECT_EQ(Judged(CloseFrameOf(ClosedBy::kBackend, 1006), true), std::nullopt) << "a FIN";
  EXPECT_EQ(Judged(CloseFrameOf(ClosedBy::kClient, 1006), true), std::nullopt);
  EXPECT_EQ(Judged(Lost(Peer::kBackend, true), true), TunnelEnd::kLost);
  EXPECT_EQ(Judged(Lost(Peer::kClient, true), true), std::nullopt);
}

TEST(TunnelJudgement, WhoAnswersNoPingIsAtFault) {
  Ending ending;
  ending.closed_by = ClosedBy::kTimeout;
  ending.reason = Reject::kPongTimeout;
  ending.offender = Peer::kBackend;
  EXPECT_EQ(Judged(ending), TunnelEnd::kFault);
  ending.offender = Peer::kClient;
  EXPECT_EQ(Judged(ending), std::nullopt);
}

TEST(TunnelJudgement, HawsersOwnReasonsSayNothing) {
  for (const Reject reason : {Reject::kDrained, Reject::kReload, Reject::kIdleTimeout, Reject::kMaxDuration,
                              Reject::kProtocolError, Reject::kMessageRate, Reject::kSlowConsumer}) {
    Ending ending;
    ending.closed_by = http::SpecOf(reason).closed_by;
    ending.reason = reason;
    EXPECT_EQ(Judged(ending), std::nullopt) << http::SpecOf(reason).label;
  }
}

}  // namespace
}  // namespace hawser::session::ending_test
