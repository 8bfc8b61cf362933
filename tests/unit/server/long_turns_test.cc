#include "proxy/server/long_turns.h"

#include <chrono>
#include <memory>
#include <sstream>
#include <utility>

#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/fakes/in_turn.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::server::long_turns_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// The log, as long as this lives.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
  }
  ~Log() { spdlog::set_default_logger(before_); }
  std::string Take() { return std::exchange(text_, std::ostringstream()).str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

TEST(LongTurns, AreLoggedOnceASecond) {
  fakes::SteppedClock clock;
  const auto loop = std::move(event::Loop::Create(clock.reader())).value();
  Log log;
  const LongTurns long_turns(*loop);
  const auto turn = [&](base::Duration length) {
    fakes::InTurn in_turn(*loop);
    in_turn.First([&] { clock.Advance(length); });
    loop->RunOnce(0ms);
    loop->RunOnce(0ms);  // in which the one before is reported
    return log.Take();
  };
  EXPECT_EQ(turn(100ms), "");
  EXPECT_THAT(turn(101ms), HasSubstr("a turn of a worker took 101ms"));
  EXPECT_EQ(turn(200ms), "");
  EXPECT_EQ(turn(300ms), "");
  clock.Advance(1s);
  EXPECT_THAT(turn(150ms), HasSubstr("took 150ms: its other connections waited as long (2 more like it)"));
}

}  // namespace
}  // namespace hawser::server::long_turns_test
