// A tunnel that has ended, in each state that it can be in, with everything pending for it that a loop can
// have pending: its streams are neither read nor written any more.
#include <functional>
#include <string>

#include "tests/fakes/every_event.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session {
namespace {

struct TunnelState {
  const char* name;
  std::function<void(TunnelHarness&)> reach;
};

const TunnelState kTunnelStates[] = {
    {"open", [](TunnelHarness&) {}},
    {"within a frame",
     [](TunnelHarness& at) {
       at.client().Feed(Masked({.opcode = 1, .payload = "half of it"}).substr(0, 9));
     }},
    {"with a backlog",
     [](TunnelHarness& at) {
       at.backend().SetRoom(3);
       at.client().Feed(Masked({.opcode = 2, .payload = std::string(5000, 'x')}));
     }},
    {"closing, by the client",
     [](TunnelHarness& at) { at.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)})); }},
    {"closing, by hawser", [](TunnelHarness& at) { at.tunnel()->End(http::Reject::kDrained); }},
    {"with a backend that is broken",
     [](TunnelHarness& at) {
       at.backend().BreakWrites();
       at.client().Feed(Masked({.opcode = 1, .payload = "to nobody"}));
     }},
};

TEST(EndedTunnel, NothingReachesATunnelThatHasEnded) {
  for (const TunnelState& state : kTunnelStates) {
    TunnelHarness at({.keepalive = {.interval = base::Duration(10), .to = config::KeepaliveTo::kBoth}});
    at.Start();
    state.reach(at);
    at.Settle();
    ASSERT_FALSE(at.ended()) << state.name;
    const auto calls = [&at] { return at.client().calls() + at.backend().calls(); };
    fakes::EndAmidEveryEvent(at.loop(), *at.tunnel(), [&] {
      at.tunnel()->Abort(http::Reject::kShutdown, 1001);
      EXPECT_TRUE(at.client().closed() && at.backend().closed()) << state.name;
      at.loop().Post([&, before = calls()] { EXPECT_EQ(calls(), before) << state.name; });
    });
    EXPECT_TRUE(at.ended()) << state.name;
    at.Turn(std::chrono::hours(1));
    at.Turn(std::chrono::hours(1));
  }
}

}  // namespace
}  // namespace hawser::session
