// A session that has retired, in each state that it can be in, with everything pending for it that a loop can
// have pending.
#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/fakes/every_event.h"
#include "tests/unit/http2/connection.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

struct SessionState {
  const char* name;
  std::function<void(Connection&, Connection::Exchange&)> reach;
};

const SessionState kSessionStates[] = {
    {"a request that nobody has answered", [](Connection&, Connection::Exchange&) {}},
    {"a notice sent", [](Connection& at, Connection::Exchange&) { at.server->GoAway(); }},
    {"the last GOAWAY sent",
     [](Connection& at, Connection::Exchange&) {
       at.server->GoAway();
       at.Run();
     }},
    {"an answer that waits for a window",
     [](Connection&, Connection::Exchange& exchange) {
       ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
       exchange.server->Want({.read = true, .write = true});
       (void)WriteText(*exchange.server, std::string(100'000, 'x'));
     }},
    {"an early answer whose body is dropped",
     [](Connection&, Connection::Exchange& exchange) {
       ASSERT_TRUE(exchange.server->SendResponse(Ok(false), true));
       exchange.server->Close(net::CloseReason::kOrderly);
       exchange.server = nullptr;
     }},
    {"a transport that takes nothing",
     [](Connection& at, Connection::Exchange& exchange) {
       at.pair.near.SetRoom(0);
       ASSERT_TRUE(exchange.server->SendResponse(Ok(), true));
       (void)WriteText(*exchange.server, "body");
     }},
    {"its own end",
     [](Connection& at, Connection::Exchange&) {
       at.server->Close(net::CloseReason::kOrderly);
       at.Run();
     }},
};

TEST(EndedSession, NothingReachesASessionThatHasRetired) {
  for (const SessionState& state : kSessionStates) {
    Connection at;
    auto exchange = at.Request(Post());
    Listener owner;
    Listener reader;
    at.server->Watch(&owner, 3);
    exchange.server->Watch(&reader, 4);
    exchange.server->Want({.read = true});
    at.Run();
    state.reach(at, exchange);
    const int owner_calls = owner.calls;
    int calls = 0;
    Session& session = *at.server;
    fakes::EndAmidEveryEvent(*at.loop, session, [&] {
      at.loop->Retire(std::move(at.server));
      calls = at.pair.near.calls();
    });
    EXPECT_TRUE(at.pair.near.closed()) << state.name;
    EXPECT_EQ(owner.calls, owner_calls) << state.name;
    at.Run();
    // Its last words, from its destructor, are all.
    EXPECT_LE(at.pair.near.calls(), calls + 1) << state.name;
    EXPECT_EQ(owner.calls, owner_calls) << state.name;
    // Its stream outlives it, and has failed.
    if (exchange.server != nullptr) {
      EXPECT_EQ(WriteText(*exchange.server, "x").state, net::IoState::kError) << state.name;
    }
  }
}

}  // namespace
}  // namespace hawser::http2
