#include "proxy/event/read_size.h"

#include <cstddef>

#include <gtest/gtest.h>

namespace hawser::event {
namespace {

constexpr size_t kBuffer = 64 * 1024;

TEST(ReadSize, IsNotBoundedWhileBytesAreCheap) {
  ReadSize size;
  EXPECT_EQ(size.Of(kBuffer, 0), kBuffer);
  size.Note(kBuffer, 4 * kBuffer);
  EXPECT_EQ(size.Of(kBuffer, 0), kBuffer);
}

TEST(ReadSize, IsWhatTheWorkThatIsLeftIsEnoughFor) {
  ReadSize size;
  size.Note(kBuffer, 20 * kBuffer);
  EXPECT_EQ(size.Of(kBuffer, 20 * 10'000), 10'000U);
  EXPECT_EQ(size.Of(kBuffer, 20 * 2 * kBuffer), kBuffer);
  EXPECT_EQ(size.Of(kBuffer, 0), ReadSize::kLeast);
  EXPECT_EQ(size.Of(100, 0), 100U);
}

TEST(ReadSize, FollowsWhatBytesCost) {
  ReadSize size;
  size.Note(10'000, 200'000);
  size.Note(10'000, 20'000);
  EXPECT_EQ(size.Of(kBuffer, 0), kBuffer);
  size.Note(10'000, 200'000);
  size.Note(7, 140);  // says nothing
  EXPECT_EQ(size.Of(kBuffer, 0), kBuffer);
}

TEST(ReadSize, BoundsWorkOfAnySize) {
  ReadSize size;
  size.Note(kBuffer, ~size_t{0});
  EXPECT_EQ(size.Of(kBuffer, ~size_t{0} / 2), kBuffer);
  EXPECT_EQ(size.Of(kBuffer, 1'000'000), ReadSize::kLeast);
}

}  // namespace
}  // namespace hawser::event
