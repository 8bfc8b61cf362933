// What filters keep on a worker, over a reload that takes their route away: it lives as long as anything uses
// it, and no longer.
#include "proxy/session/filter_locals.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/session/exchange_harness.h"

namespace hawser::session::filter_locals_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Ends = std::vector<std::string>;

struct Mark {
  Mark(Ends& to, std::string text) : ends(to), name(std::move(text)) {}
  ~Mark() { ends.push_back(name); }
  Ends& ends;
  const std::string name;
};

// Leaves a mark of each kind.
class Marking final : public filters::Filter {
 public:
  explicit Marking(Ends& ends) : ends_(ends) {}

  filters::AnyObject MakeLocal(event::Loop&) const override {
    return filters::AnyObject(std::make_unique<Mark>(ends_, "local"));
  }
  filters::Verdict OnRequest(filters::Context& context) const override {
    EXPECT_EQ(context.Local<Mark>().name, "local");
    context.Attach(std::make_unique<Mark>(ends_, "first attachment"));
    context.Attach(std::make_unique<Mark>(ends_, "second attachment"));
    return filters::Verdict::Continue();
  }

 private:
  Ends& ends_;
};

std::vector<std::unique_ptr<const filters::Filter>> OneThatMarks(Ends& ends) {
  std::vector<std::unique_ptr<const filters::Filter>> filters;
  filters.push_back(std::make_unique<Marking>(ends));
  return filters;
}

const std::string kHandshake =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

void TakeTheRouteAway(WorkerFixture& worker) {
  auto next = std::make_shared<Snapshot>();
  next->config = std::make_unique<config::Config>();
  next->table = std::make_unique<route::RouteTable>(route::RouteTable::Create({}, {}).value());
  worker.backends->SetSnapshot(std::move(next));
}

TEST(FilterLocals, GoWithTheirRoute) {
  Ends ends;
  WorkerFixture worker(1, {}, OneThatMarks(ends));
  const std::shared_ptr<const RouteRuntime> runtime = worker.backends->snapshot()->routes[0];
  FilterLocals& locals = worker.backends->filter_locals();
  EXPECT_EQ(locals.Of(runtime), locals.Of(runtime)) << "made once";
  EXPECT_THAT(ends, IsEmpty());
  TakeTheRouteAway(worker);
  EXPECT_THAT(ends, ElementsAre("local"));
}

TEST(FilterLocals, LiveAsLongAsATunnelThatFiltersHaveLeftSomethingWith) {
  Ends ends;
  ExchangeHarness harness(1, {}, OneThatMarks(ends));
  harness.Start(kHandshake);
  net::Socket backend = harness.port().Accept();
  ASSERT_TRUE(backend.open());
  harness.Settle();
  ASSERT_THAT(Heard(backend), HasSubstr("Upgrade: websocket"));
  TakeTheRouteAway(harness);
  Say(backend,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  harness.Settle();
  ASSERT_EQ(harness.result, Exchange::Progress::kTunnel);
  EXPECT_THAT(ends, IsEmpty());
  harness.EndAll();
  EXPECT_THAT(ends, ElementsAre("second attachment", "first attachment", "local"));
}

}  // namespace
}  // namespace hawser::session::filter_locals_test
