#include "proxy/ws/keepalive.h"

#include <chrono>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/ws/frame_builder.h"

namespace hawser::ws {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Due = Keepalive::Due;

constexpr base::TimePoint kStart{seconds(1000)};

Keepalive Started(uint64_t random = 1, base::Duration interval = seconds(30),
                  base::Duration timeout = seconds(10)) {
  Keepalive keepalive;
  keepalive.Start(interval, timeout, kStart, random);
  return keepalive;
}

// The payload that a peer would send back.
Bytes PayloadOf(const SmallFrame& ping) {
  const ParsedHeader parsed = ParseHeader(ping.bytes());
  EXPECT_EQ(parsed.header.opcode, Opcode::kPing);
  const auto body = ping.bytes().subspan(parsed.header.header_bytes);
  Bytes payload(body.begin(), body.end());
  if (parsed.header.masked) Unmask(payload, parsed.header.mask, 0);
  return payload;
}

TEST(Keepalive, IsOffUntilItIsStartedAndWithoutAnInterval) {
  const Keepalive never;
  EXPECT_EQ(never.NextDeadline(), base::TimePoint::max());
  EXPECT_EQ(never.Check(kStart + std::chrono::hours(1000)), Due::kNothing);
  const Keepalive off = Started(1, seconds(0));
  EXPECT_EQ(off.NextDeadline(), base::TimePoint::max());
  EXPECT_EQ(off.Check(kStart + std::chrono::hours(1000)), Due::kNothing);
}

TEST(Keepalive, PingsAPeerThatWasSilentForTheInterval) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  EXPECT_EQ(keepalive.Check(due - milliseconds(1)), Due::kNothing);
  EXPECT_EQ(keepalive.Check(due), Due::kPing);
  EXPECT_EQ(keepalive.Check(due - seconds(1), seconds(1)), Due::kPing);
  EXPECT_EQ(keepalive.Check(due - seconds(1), milliseconds(999)), Due::kNothing);
}

TEST(Keepalive, ShortensEachIntervalByUpToAnEighth) {
  std::set<base::TimePoint> deadlines;
  for (uint64_t random = 0; random < 1000; ++random) {
    const auto due = Started(random).NextDeadline();
    EXPECT_LE(due, kStart + seconds(30));
    EXPECT_GT(due, kStart + milliseconds(26250) - milliseconds(1));
    deadlines.insert(due);
  }
  EXPECT_GT(deadlines.size(), 800U);
  EXPECT_LT(*deadlines.begin(), kStart + milliseconds(26300));
  EXPECT_GT(*deadlines.rbegin(), kStart + milliseconds(29900));
}

TEST(Keepalive, TakesANewShorteningForEveryPing) {
  Keepalive keepalive = Started();
  std::set<base::TimePoint::duration> intervals;
  for (int i = 0; i < 100; ++i) {
    keepalive.Heard(kStart);
    intervals.insert(keepalive.NextDeadline() - kStart);
    keepalive.TakePong(PayloadOf(keepalive.MakePing(kStart, std::nullopt)), kStart);
  }
  EXPECT_GT(intervals.size(), 90U);
}

TEST(Keepalive, AnyByteMovesTheDeadline) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  keepalive.Heard(kStart + seconds(20));
  EXPECT_EQ(keepalive.NextDeadline(), due + seconds(20));
  EXPECT_EQ(keepalive.Check(due), Due::kNothing);
}

TEST(Keepalive, APingThatCannotBeSentYetStaysDueAndEndsNoTunnel) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  EXPECT_EQ(keepalive.Check(due + std::chrono::hours(1)), Due::kPing);
  EXPECT_EQ(keepalive.pings_sent(), 0U);
  const auto sent = due + std::chrono::hours(1);
  keepalive.MakePing(sent, std::nullopt);
  EXPECT_EQ(keepalive.pings_sent(), 1U);
  EXPECT_EQ(keepalive.NextDeadline(), sent + seconds(10));
  EXPECT_EQ(keepalive.Check(sent + seconds(10) - milliseconds(1)), Due::kNothing);
  EXPECT_EQ(keepalive.Check(sent + seconds(10)), Due::kDead);
  EXPECT_EQ(keepalive.Check(sent + seconds(9), seconds(5)), Due::kNothing) << "nobody dies early";
}

TEST(Keepalive, AByteWhileThePingWaitsCancelsIt) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  ASSERT_EQ(keepalive.Check(due), Due::kPing);
  keepalive.Heard(due + seconds(1));
  EXPECT_EQ(keepalive.Check(due + seconds(2)), Due::kNothing);
}

TEST(Keepalive, APeerThatSpeaksWithoutAPongIsAlive) {
  Keepalive keepalive = Started();
  const auto sent = keepalive.NextDeadline();
  const Bytes first = PayloadOf(keepalive.MakePing(sent, std::nullopt));
  keepalive.Heard(sent + seconds(9));
  EXPECT_EQ(keepalive.Check(sent + seconds(11)), Due::kNothing);
  const auto again = keepalive.NextDeadline();
  EXPECT_GT(again, sent + seconds(9) + milliseconds(22499));
  EXPECT_EQ(keepalive.Check(again), Due::kPing);
  EXPECT_TRUE(keepalive.TakePong(first, again));
  EXPECT_EQ(keepalive.round_trips().count, 1U);
}

TEST(Keepalive, ATimeoutOfZeroNeverGivesUp) {
  Keepalive keepalive = Started(1, seconds(30), seconds(0));
  keepalive.MakePing(keepalive.NextDeadline(), std::nullopt);
  EXPECT_EQ(keepalive.NextDeadline(), base::TimePoint::max());
  EXPECT_EQ(keepalive.Check(kStart + std::chrono::hours(1000)), Due::kNothing);
}

TEST(Keepalive, AnAnsweredPingIsTimedAndSwallowed) {
  Keepalive keepalive = Started();
  auto now = kStart;
  for (const int micros : {700, 300, 500}) {
    const Bytes payload = PayloadOf(keepalive.MakePing(now, Mask{9, 8, 7, 6}));
    now += microseconds(micros);
    EXPECT_TRUE(keepalive.TakePong(payload, now));
    EXPECT_EQ(keepalive.Check(now + seconds(20)), Due::kNothing);
    EXPECT_EQ(keepalive.round_trips().last_us, static_cast<uint32_t>(micros));
  }
  const RoundTrips trips = keepalive.round_trips();
  EXPECT_EQ(trips.count, 3U);
  EXPECT_EQ(trips.min_us, 300U);
  EXPECT_EQ(trips.max_us, 700U);
  EXPECT_EQ(trips.sum_us, 1500U);
  EXPECT_EQ(keepalive.pings_sent(), 3U);
}

TEST(Keepalive, AStalePongIsSwallowedButNotTimed) {
  Keepalive keepalive = Started();
  const Bytes old = PayloadOf(keepalive.MakePing(kStart, std::nullopt));
  const Bytes last = PayloadOf(keepalive.MakePing(kStart + seconds(30), std::nullopt));
  EXPECT_TRUE(keepalive.TakePong(old, kStart + seconds(31)));
  EXPECT_EQ(keepalive.round_trips().count, 0U);
  EXPECT_TRUE(keepalive.TakePong(last, kStart + seconds(32)));
  EXPECT_TRUE(keepalive.TakePong(last, kStart + seconds(33)));
  EXPECT_EQ(keepalive.round_trips().count, 1U);
  EXPECT_EQ(keepalive.round_trips().max_us, 2'000'000U);
}

TEST(Keepalive, PongsForOtherPingsPass) {
  Keepalive keepalive = Started(1);
  Keepalive other = Started(2);
  const Bytes ours = PayloadOf(keepalive.MakePing(kStart, std::nullopt));
  EXPECT_FALSE(keepalive.TakePong({}, kStart));
  EXPECT_FALSE(keepalive.TakePong(ToBytes("hawser"), kStart));
  EXPECT_FALSE(keepalive.TakePong(ToBytes("hawser12345678"), kStart));
  EXPECT_FALSE(keepalive.TakePong(PayloadOf(other.MakePing(kStart, std::nullopt)), kStart));
  EXPECT_FALSE(keepalive.TakePong(ours + Raw({0}), kStart));
  for (size_t i = 0; i < ours.size(); ++i) {
    Bytes changed = ours;
    changed[i] ^= std::byte{1};
    EXPECT_FALSE(keepalive.TakePong(changed, kStart)) << i;
  }
  EXPECT_EQ(keepalive.round_trips().count, 0U);
}

TEST(Keepalive, APongOfAPingThatWasNeverSentPasses) {
  Keepalive ahead = Started(1);
  ahead.MakePing(kStart, std::nullopt);
  const Bytes second = PayloadOf(ahead.MakePing(kStart, std::nullopt));
  Keepalive behind = Started(1);
  behind.MakePing(kStart, std::nullopt);
  EXPECT_FALSE(behind.TakePong(second, kStart));
}

TEST(Keepalive, TheMeanSurvivesAnOverflowOfTheSum) {
  Keepalive keepalive = Started();
  for (int i = 0; i < 1000; ++i) {
    const Bytes payload = PayloadOf(keepalive.MakePing(kStart, std::nullopt));
    EXPECT_TRUE(keepalive.TakePong(payload, kStart + seconds(100)));
  }
  const RoundTrips trips = keepalive.round_trips();
  ASSERT_GT(trips.count, 0U);
  EXPECT_NEAR(static_cast<double>(trips.sum_us) / trips.count, 100e6, 5e6);
  EXPECT_EQ(trips.min_us, 100'000'000U);
}

// --- Pings of the other peer's ---

TEST(Keepalive, APassedPingServesAsOursUntilItsPongComes) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  keepalive.PassPing(ToBytes("theirs"), kStart + seconds(5));
  EXPECT_EQ(keepalive.Check(due), Due::kNothing) << "none of ours stands behind theirs";
  EXPECT_FALSE(keepalive.TakePong(ToBytes("theirs"), due + seconds(1)));
  const auto again = keepalive.NextDeadline();
  EXPECT_GT(again, due + seconds(20));
  EXPECT_EQ(keepalive.Check(again), Due::kPing);
  EXPECT_FALSE(keepalive.Hold(again));
  EXPECT_EQ(keepalive.round_trips().count, 0U) << "it was not our question";
}

TEST(Keepalive, APeerThatDoesNotAnswerAPassedPingIsDeadWhenItWouldBeByOurs) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  keepalive.PassPing(ToBytes("theirs"), kStart + seconds(5));
  EXPECT_EQ(keepalive.Check(due + seconds(10) - milliseconds(1)), Due::kNothing);
  EXPECT_EQ(keepalive.Check(due + seconds(10)), Due::kDead);
}

TEST(Keepalive, APassedPingHasTheWholeTimeoutForItsPong) {
  Keepalive keepalive = Started();
  const auto late = keepalive.NextDeadline() + seconds(7);  // the loop was busy
  keepalive.PassPing(ToBytes("theirs"), late);
  EXPECT_EQ(keepalive.Check(late + seconds(10) - milliseconds(1)), Due::kNothing);
  EXPECT_EQ(keepalive.Check(late + seconds(10)), Due::kDead);
}

TEST(Keepalive, OfSeveralPassedPingsTheLastIsWaitedFor) {
  Keepalive keepalive = Started();
  keepalive.PassPing(ToBytes("first"), kStart);
  keepalive.PassPing(ToBytes("second"), kStart + seconds(1));
  keepalive.TakePong(ToBytes("first"), kStart + seconds(2));
  const auto due = keepalive.NextDeadline();
  ASSERT_EQ(keepalive.Check(due), Due::kPing);
  EXPECT_TRUE(keepalive.Hold(due));
  EXPECT_FALSE(keepalive.TakePong(ToBytes("second"), due + seconds(1)));
  const auto next = keepalive.NextDeadline();
  EXPECT_EQ(keepalive.Check(next), Due::kPing);
  EXPECT_FALSE(keepalive.Hold(next));
}

// Its pong may wait behind what it writes without reading; or it answers with another payload than it should.
TEST(Keepalive, APeerThatTalksAndDoesNotAnswerAPassedPingIsAskedOneTimeoutLater) {
  Keepalive keepalive = Started();
  keepalive.PassPing(ToBytes("theirs"), kStart + seconds(5));
  keepalive.Heard(kStart + seconds(6));
  const auto due = keepalive.NextDeadline();
  ASSERT_EQ(keepalive.Check(due), Due::kPing);
  ASSERT_TRUE(keepalive.Hold(due));
  EXPECT_EQ(keepalive.Check(due + seconds(10) - milliseconds(1)), Due::kNothing);
  ASSERT_EQ(keepalive.Check(due + seconds(10)), Due::kPing) << "not dead: it has talked since";
  ASSERT_FALSE(keepalive.Hold(due + seconds(10)));
  const Bytes ours = PayloadOf(keepalive.MakePing(due + seconds(10), std::nullopt));
  EXPECT_EQ(keepalive.Check(due + seconds(20)), Due::kDead);
  EXPECT_TRUE(keepalive.TakePong(ours, due + seconds(12)));
  EXPECT_EQ(keepalive.round_trips().max_us, 2'000'000U);
}

TEST(Keepalive, OnePongForOursAndALaterPassedPingAnswersBoth) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  const Bytes ours = PayloadOf(keepalive.MakePing(due, std::nullopt));
  keepalive.PassPing(ToBytes("theirs"), due + seconds(1));
  EXPECT_FALSE(keepalive.TakePong(ToBytes("theirs"), due + seconds(2)));
  EXPECT_EQ(keepalive.Check(due + seconds(11)), Due::kNothing);
  EXPECT_TRUE(keepalive.TakePong(ours, due + seconds(12))) << "and the other may come after all";
}

TEST(Keepalive, APassedPingDoesNotShortenOrLengthenTheTimeOfOurs) {
  Keepalive keepalive = Started();
  const auto due = keepalive.NextDeadline();
  const Bytes ours = PayloadOf(keepalive.MakePing(due, std::nullopt));
  keepalive.PassPing(ToBytes("theirs"), due + seconds(9));
  EXPECT_EQ(keepalive.Check(due + seconds(10)), Due::kDead);
  EXPECT_TRUE(keepalive.TakePong(ours, due + seconds(9)));
  EXPECT_EQ(keepalive.round_trips().count, 1U);
}

TEST(Keepalive, WithoutAnIntervalPassedPingsAreIgnored) {
  Keepalive keepalive = Started(1, seconds(0));
  keepalive.PassPing(ToBytes("theirs"), kStart);
  EXPECT_EQ(keepalive.NextDeadline(), base::TimePoint::max());
  EXPECT_EQ(keepalive.Check(kStart + std::chrono::hours(1)), Due::kNothing);
}

TEST(Keepalive, IsSmall) {
  EXPECT_LE(sizeof(Keepalive), 48U);
}

}  // namespace
}  // namespace hawser::ws
