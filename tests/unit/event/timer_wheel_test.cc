#include "proxy/event/timer_wheel.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace hawser::event {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr base::TimePoint kStart{std::chrono::seconds(12345)};
constexpr base::Duration kTwoYears = hours(24 * 730);

// A timer that runs a given function when it fires.
struct Alarm final : IoHandler {
  explicit Alarm(std::function<void()> what = {}, uint8_t tag = 0)
      : timer(*this, tag), on_fire(std::move(what)) {}
  void OnReady(Ready ready) override {
    EXPECT_TRUE(ready.timer);
    EXPECT_FALSE(ready.readable || ready.writable);
    last_tag = ready.tag;
    ++fired;
    if (on_fire) on_fire();
  }
  Timer timer;
  std::function<void()> on_fire;
  int fired = 0;
  uint8_t last_tag = 0;
};

// Wheel and clock, moved together.
struct Clock {
  void Advance(std::chrono::nanoseconds by) {
    now += std::chrono::duration_cast<base::TimePoint::duration>(by);
    wheel.Expire(now);
  }
  int Next() const { return wheel.MillisToNext(now); }
  base::TimePoint now = kStart;
  TimerWheel wheel{kStart};
};

TEST(TimerWheel, FiresOnceNeverEarlyAndAtMostOneTickLate) {
  for (const int delay : {1, 2, 63, 64, 65, 4095, 4096, 4097, 300000}) {
    Clock clock;
    clock.Advance(microseconds(12900));
    Alarm alarm;
    clock.wheel.Arm(alarm.timer, clock.now, milliseconds(delay));
    EXPECT_TRUE(alarm.timer.armed());
    clock.Advance(milliseconds(delay) - microseconds(1));
    EXPECT_EQ(alarm.fired, 0) << delay;
    clock.Advance(milliseconds(1));
    EXPECT_EQ(alarm.fired, 1) << delay;
    EXPECT_FALSE(alarm.timer.armed());
    clock.Advance(hours(1));
    EXPECT_EQ(alarm.fired, 1) << delay;
  }
}

TEST(TimerWheel, TellsTheTimersTag) {
  Clock clock;
  Alarm alarm({}, 5);
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(1));
  clock.Advance(milliseconds(2));
  EXPECT_EQ(alarm.last_tag, 5);
}

TEST(TimerWheel, ADelayOfZeroFiresAtTheNextExpireEvenIfNoTimePassed) {
  Clock clock;
  clock.Advance(milliseconds(100));
  Alarm alarm;
  for (const base::Duration delay : {milliseconds(0), milliseconds(-5)}) {
    alarm.fired = 0;
    clock.wheel.Arm(alarm.timer, clock.now, delay);
    EXPECT_EQ(clock.Next(), 0);
    clock.Advance(microseconds(0));
    EXPECT_EQ(alarm.fired, 1);
  }
}

TEST(TimerWheel, AHandlerThatArmsItselfWithoutADelayWaitsForTheNextExpire) {
  Clock clock;
  Alarm alarm;
  alarm.on_fire = [&] { clock.wheel.Arm(alarm.timer, clock.now, milliseconds(0)); };
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(0));
  for (int i = 1; i <= 5; ++i) {
    clock.Advance(microseconds(0));
    EXPECT_EQ(alarm.fired, i);
  }
}

TEST(TimerWheel, CancelAndDestructionDisarm) {
  Clock clock;
  Alarm cancelled;
  clock.wheel.Arm(cancelled.timer, clock.now, milliseconds(5));
  cancelled.timer.Cancel();
  {
    Alarm destroyed;
    clock.wheel.Arm(destroyed.timer, clock.now, milliseconds(5));
  }
  EXPECT_EQ(clock.Next(), -1);
  clock.Advance(milliseconds(100));
  EXPECT_EQ(cancelled.fired, 0);
}

TEST(TimerWheel, ArmingAgainMovesTheDeadlineBothWays) {
  Clock clock;
  Alarm alarm;
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(10));
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(10000));
  clock.Advance(milliseconds(9999));
  EXPECT_EQ(alarm.fired, 0);
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(5));
  clock.Advance(milliseconds(6));
  EXPECT_EQ(alarm.fired, 1);
}

TEST(TimerWheel, AHandlerMayCancelAndMoveOthersThatAreDueWithIt) {
  Clock clock;
  Alarm second, third, fourth;
  Alarm first([&] {
    second.timer.Cancel();
    clock.wheel.Arm(third.timer, clock.now, milliseconds(50));
  });
  for (Alarm* alarm : {&first, &second, &third, &fourth}) {
    clock.wheel.Arm(alarm->timer, clock.now, milliseconds(20));
  }
  clock.Advance(milliseconds(21));
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(second.fired, 0);
  EXPECT_EQ(third.fired, 0);
  EXPECT_EQ(fourth.fired, 1);
  clock.Advance(milliseconds(51));
  EXPECT_EQ(second.fired, 0);
  EXPECT_EQ(third.fired, 1);
}

TEST(TimerWheel, AHandlerMayDestroyOtherTimersThatAreDueWithIt) {
  Clock clock;
  auto victim = std::make_unique<Alarm>();
  Alarm killer([&] { victim.reset(); });
  Alarm bystander;
  clock.wheel.Arm(killer.timer, clock.now, milliseconds(3));
  clock.wheel.Arm(victim->timer, clock.now, milliseconds(3));
  clock.wheel.Arm(bystander.timer, clock.now, milliseconds(3));
  clock.Advance(milliseconds(5));
  EXPECT_EQ(killer.fired, 1);
  EXPECT_EQ(bystander.fired, 1);
}

TEST(TimerWheel, APeriodicTimerKeepsItsPaceThroughALongSleep) {
  Clock clock;
  Alarm alarm;
  alarm.on_fire = [&] { clock.wheel.Arm(alarm.timer, clock.now, milliseconds(100)); };
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(100));
  clock.Advance(hours(1));
  EXPECT_EQ(alarm.fired, 1);
  clock.Advance(milliseconds(101));
  EXPECT_EQ(alarm.fired, 2);
}

TEST(TimerWheel, DeadlinesBeyondItsRangeWaitAndStillFire) {
  Clock clock;
  clock.Advance(milliseconds(5));
  Alarm far, forever;
  clock.wheel.Arm(far.timer, clock.now, 3 * kTwoYears);
  clock.wheel.Arm(forever.timer, clock.now, base::Duration(std::numeric_limits<int64_t>::max() / 2));
  EXPECT_GT(clock.Next(), 0);
  const base::TimePoint due = clock.now + 3 * kTwoYears;
  while (clock.now + hours(24 * 30) < due) {
    clock.Advance(hours(24 * 30));
    ASSERT_EQ(far.fired, 0);
    ASSERT_GT(clock.Next(), 0);
  }
  clock.Advance(due - clock.now - microseconds(1));
  EXPECT_EQ(far.fired, 0);
  clock.Advance(milliseconds(2));
  EXPECT_EQ(far.fired, 1);
  EXPECT_EQ(forever.fired, 0);
  EXPECT_TRUE(forever.timer.armed());
}

TEST(TimerWheel, WaitsAcrossTheCarryOfItsLastLevel) {
  Clock clock;
  clock.Advance(milliseconds((int64_t{1} << 36) - 100));
  Alarm alarm;
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(200));
  const int wait = clock.Next();
  EXPECT_GE(wait, 0);
  EXPECT_LE(wait, 201);
  clock.Advance(milliseconds(199));
  EXPECT_EQ(alarm.fired, 0);
  clock.Advance(milliseconds(2));
  EXPECT_EQ(alarm.fired, 1);
}

TEST(TimerWheel, HasNothingToWaitForWhenNothingIsArmed) {
  Clock clock;
  EXPECT_EQ(clock.Next(), -1);
  Alarm alarm;
  clock.wheel.Arm(alarm.timer, clock.now, milliseconds(7));
  EXPECT_GT(clock.Next(), 0);
  EXPECT_LE(clock.Next(), 8);
  clock.Advance(milliseconds(8));
  EXPECT_EQ(clock.Next(), -1);
}

// Sleeping for as long as the wheel says, over and over, fires each timer in time.
TEST(TimerWheel, ItsWaitsNeverOversleep) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    Clock clock;
    clock.Advance(milliseconds(random() % 300000));
    Alarm alarm;
    const base::Duration delay(random() % (uint64_t{1} << (random() % 30)));
    const base::TimePoint due = clock.now + delay;
    clock.wheel.Arm(alarm.timer, clock.now, delay);
    for (int steps = 0; alarm.fired == 0; ++steps) {
      ASSERT_LT(steps, 400);
      const int wait = clock.Next();
      ASSERT_GE(wait, 0);
      clock.Advance(milliseconds(wait));
    }
    ASSERT_GE(clock.now, due);
    ASSERT_LE(clock.now, due + milliseconds(2));
  }
}

// Random arming, moving and cancelling, from outside and from handlers: against a sorted map.
class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {
    clock_.Advance(microseconds(random_() % 5'000'000));
    for (size_t i = 0; i < 60; ++i) {
      alarms_.push_back(std::make_unique<Alarm>());
      alarms_[i]->on_fire = [this, i] { OnFire(i); };
    }
  }

  void Run() {
    for (int step = 0; step < 400; ++step) {
      for (uint64_t changes = random_() % 6; changes > 0; --changes) Change();
      const int next = clock_.Next();
      ASSERT_EQ(next < 0, due_.empty());
      // Never later than the first deadline, rounded up to the tick behind it.
      ASSERT_LE(clock_.now + milliseconds(std::max(next, 0)),
                std::max(clock_.now, Earliest() + milliseconds(2)));
      clock_.Advance(microseconds(random_() % (uint64_t{1} << (random_() % 34))));
      for (const auto& [index, due] : due_) ASSERT_GT(due + milliseconds(1), clock_.now) << "timer " << index;
    }
  }

 private:
  base::TimePoint Earliest() const {
    base::TimePoint first = base::TimePoint::max() - milliseconds(2);
    for (const auto& [index, due] : due_) first = std::min(first, due);
    return first;
  }

  void Change() {
    const size_t index = random_() % alarms_.size();
    if (random_() % 4 == 0) {
      alarms_[index]->timer.Cancel();
      due_.erase(index);
      return;
    }
    const milliseconds delay(random_() % (uint64_t{1} << (random_() % 26)));
    clock_.wheel.Arm(alarms_[index]->timer, clock_.now, delay);
    due_[index] = clock_.now + delay;
  }

  void OnFire(size_t index) {
    ASSERT_TRUE(due_.contains(index));
    EXPECT_LE(due_[index], clock_.now) << "early";
    due_.erase(index);
    if (random_() % 3 == 0) Change();
  }

  std::mt19937_64 random_;
  Clock clock_;
  std::vector<std::unique_ptr<Alarm>> alarms_;
  std::map<size_t, base::TimePoint> due_;
};

TEST(TimerWheelProperty, AgreesWithASortedMap) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Model(seed).Run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace hawser::event
