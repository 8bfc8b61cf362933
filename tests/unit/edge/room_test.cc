#include "proxy/edge/room.h"

#include <chrono>
#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::edge {
namespace {

using namespace std::chrono_literals;

TEST(Room, IsScarceFromTheReserveOn) {
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(40);
  std::vector<ConnectionCap::Lease> leases;
  const auto room = [&cap] { return RoomOf(*cap, 0.05); };
  EXPECT_EQ(room().all, 40U);
  EXPECT_EQ(room().reserve, 2U);
  for (int i = 0; i < 37; ++i) leases.push_back(cap->Take());
  EXPECT_EQ(room().left, 3U);
  EXPECT_FALSE(room().scarce());
  leases.push_back(cap->Take());
  EXPECT_TRUE(room().scarce());
}

TEST(Room, WithoutAReserveItIsScarceOnlyWhenNothingIsLeft) {
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(10);
  std::vector<ConnectionCap::Lease> leases;
  for (int i = 0; i < 9; ++i) leases.push_back(cap->Take());
  EXPECT_FALSE(RoomOf(*cap, 0).scarce());
  EXPECT_FALSE(RoomOf(*cap, 0.05).scarce()) << "5% of ten is less than one";
  leases.push_back(cap->Take());
  EXPECT_TRUE(RoomOf(*cap, 0).scarce());
}

TEST(Room, DeadlinesShrinkFromTheHalfToATenth) {
  const auto left = [](uint64_t n) { return Room{.all = 1000, .left = n, .reserve = 100}; };
  EXPECT_EQ(Shrunk(20s, left(1000)), 20s);
  EXPECT_EQ(Shrunk(20s, left(500)), 20s);
  EXPECT_EQ(Shrunk(20s, left(300)), 11s) << "halfway down";
  EXPECT_EQ(Shrunk(20s, left(100)), 2s);
  EXPECT_EQ(Shrunk(20s, left(0)), 2s);
  base::Duration before = 20s;
  for (uint64_t n = 500; n-- > 0;) {
    EXPECT_LE(Shrunk(20s, left(n)), before);
    before = Shrunk(20s, left(n));
  }
}

TEST(Room, NoDeadlineShrinksBelowASecondOrGrows) {
  const Room none{.all = 1000, .left = 0, .reserve = 50};
  EXPECT_EQ(Shrunk(5s, none), 1s);
  EXPECT_EQ(Shrunk(1s, none), 1s);
  EXPECT_EQ(Shrunk(10ms, none), 10ms);
  EXPECT_EQ(Shrunk(10ms, {.all = 1000, .left = 100, .reserve = 50}), 10ms);
}

TEST(Room, TheSmallestRoomsHaveDeadlinesToo) {
  EXPECT_EQ(Shrunk(10s, {.all = 1, .left = 1}), 10s);
  EXPECT_EQ(Shrunk(10s, {.all = 2, .left = 0}), 1s);
  EXPECT_EQ(Shrunk(10s, {.all = 3, .left = 0, .reserve = 1}), 1s);
}

}  // namespace
}  // namespace hawser::edge
