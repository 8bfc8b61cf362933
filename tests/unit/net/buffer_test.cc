#include "proxy/net/buffer.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

std::vector<std::byte> Numbered(size_t count, size_t from = 0) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>((from + i) * 31 >> 3);
  return bytes;
}

std::vector<std::byte> Drain(Buffer& buffer, size_t step) {
  std::vector<std::byte> all;
  while (!buffer.empty()) {
    const auto front = buffer.front();
    EXPECT_FALSE(front.empty());
    const auto taken = front.first(std::min(step, front.size()));
    all.insert(all.end(), taken.begin(), taken.end());
    buffer.Consume(taken.size());
  }
  return all;
}

TEST(Buffer, AnEmptyOneHoldsNoSlab) {
  BufferPool pool;
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_TRUE(buffer.front().empty());
  buffer.Append(pool, {});
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(Buffer, GivesBackTheBytesInOrder) {
  for (const size_t size :
       {size_t{1}, Slab::kBytes - 1, Slab::kBytes, Slab::kBytes + 1, 5 * Slab::kBytes + 17}) {
    for (const size_t step : {size_t{777}, size_t{1} << 20}) {
      BufferPool pool;
      Buffer buffer;
      const auto bytes = Numbered(size);
      buffer.Append(pool, bytes);
      EXPECT_EQ(buffer.size(), size);
      EXPECT_EQ(pool.in_use(), (size + Slab::kBytes - 1) / Slab::kBytes);
      EXPECT_EQ(Drain(buffer, step), bytes);
      EXPECT_EQ(pool.in_use(), 0U);
    }
  }
}

TEST(Buffer, ConsumesAcrossSlabs) {
  BufferPool pool;
  Buffer buffer;
  const auto bytes = Numbered(3 * Slab::kBytes);
  buffer.Append(pool, bytes);
  buffer.Consume(2 * Slab::kBytes + 5);
  EXPECT_EQ(pool.in_use(), 1U);
  EXPECT_EQ(buffer.size(), Slab::kBytes - 5);
  EXPECT_EQ(buffer.front()[0], bytes[2 * Slab::kBytes + 5]);
  buffer.Consume(0);
  EXPECT_EQ(buffer.size(), Slab::kBytes - 5);
}

TEST(Buffer, AgreesWithAStringUnderRandomUse) {
  std::mt19937 random(3);
  BufferPool pool(2);
  Buffer buffer;
  size_t appended = 0;
  size_t consumed = 0;
  for (int step = 0; step < 3000; ++step) {
    if (random() % 2 == 0) {
      const size_t count = random() % (3 * Slab::kBytes);
      buffer.Append(pool, Numbered(count, appended));
      appended += count;
    } else {
      const size_t count = random() % (buffer.size() + 1);
      buffer.Consume(count);
      consumed += count;
    }
    ASSERT_EQ(buffer.size(), appended - consumed);
    ASSERT_EQ(buffer.empty(), appended == consumed);
    if (buffer.empty()) continue;
    ASSERT_EQ(buffer.front()[0], Numbered(1, consumed)[0]);
  }
}

TEST(Buffer, MovingTakesTheSlabsAlong) {
  BufferPool pool;
  Buffer from;
  const auto bytes = Numbered(Slab::kBytes + 9);
  from.Append(pool, bytes);
  Buffer to;
  to.Append(pool, Numbered(5));
  to = std::move(from);
  EXPECT_EQ(pool.in_use(), 2U);
  to.Append(pool, Numbered(1));
  EXPECT_EQ(to.size(), bytes.size() + 1);
  const Buffer built(std::move(to));
  EXPECT_EQ(built.size(), bytes.size() + 1);
}

TEST(Buffer, ClearAndDestructionReturnTheSlabs) {
  BufferPool pool;
  {
    Buffer buffer;
    buffer.Append(pool, Numbered(3 * Slab::kBytes));
    buffer.Clear();
    EXPECT_EQ(pool.in_use(), 0U);
    EXPECT_TRUE(buffer.empty());
    buffer.Append(pool, Numbered(3));
    EXPECT_EQ(pool.in_use(), 1U);
  }
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(Slab, FillsSixteenKibibytes) {
  EXPECT_EQ(sizeof(Slab), 16U * 1024);
}

}  // namespace
}  // namespace hawser::net
