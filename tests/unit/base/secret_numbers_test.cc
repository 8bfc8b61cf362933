#include "proxy/base/secret_numbers.h"

#include <set>

#include "gtest/gtest.h"

namespace hawser::base {
namespace {

TEST(SecretNumbers, DoNotRepeatAcrossRefills) {
  SecretNumbers numbers;
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(numbers.Next());
  EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace hawser::base
