#include "proxy/base/log_gate.h"

#include "gtest/gtest.h"

namespace hawser::base::log_gate_test {
namespace {

using namespace std::chrono_literals;

const base::TimePoint kStart = base::TimePoint(1000s);

TEST(LogGate, PassesTheFirstEventsOfAnInterval) {
  LogGate gate(2, 1s);
  EXPECT_EQ(gate.Pass(kStart), 0U);
  EXPECT_EQ(gate.Pass(kStart + 10ms), 0U);
  EXPECT_EQ(gate.Pass(kStart + 20ms), std::nullopt);
  EXPECT_EQ(gate.Pass(kStart + 999ms), std::nullopt);
}

TEST(LogGate, TellsTheNextLineHowManyItStandsFor) {
  LogGate gate(1, 1s);
  EXPECT_EQ(gate.Pass(kStart), 0U);
  for (int i = 0; i < 41; ++i) EXPECT_EQ(gate.Pass(kStart + 500ms), std::nullopt);
  EXPECT_EQ(gate.Pass(kStart + 1s), 41U);
  EXPECT_EQ(gate.Pass(kStart + 2s), 0U);
}

TEST(LogGate, AnIntervalBeginsWithALine) {
  LogGate gate(1, 1s);
  EXPECT_EQ(gate.Pass(kStart), 0U);
  EXPECT_EQ(gate.Pass(kStart + 1500ms), 0U);
  EXPECT_EQ(gate.Pass(kStart + 2400ms), std::nullopt);
  EXPECT_EQ(gate.Pass(kStart + 2500ms), 1U);
}

}  // namespace
}  // namespace hawser::base::log_gate_test
