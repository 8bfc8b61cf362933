#include "proxy/base/hash.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace hawser::base {
namespace {

// The key 00 01 .. 0f of the reference implementation's vectors.
constexpr SipKey kVectorKey = {.k0 = 0x0706050403020100, .k1 = 0x0f0e0d0c0b0a0908};

// Input i is the bytes 00 01 .. i-1.
constexpr uint64_t kVectors[] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
    0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
    0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
    0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
};

TEST(SipHash, MatchesTheReferenceVectors) {
  std::string input;
  for (const uint64_t expected : kVectors) {
    EXPECT_EQ(SipHash(kVectorKey, input), expected) << input.size() << " bytes";
    input += static_cast<char>(input.size());
  }
}

TEST(SipHash, AnEmptyViewWithoutAnAddressIsTheEmptyInput) {
  EXPECT_EQ(SipHash(kVectorKey, std::string_view()), kVectors[0]);
}

TEST(SipHash, DependsOnBothHalvesOfTheKey) {
  const uint64_t hash = SipHash({.k0 = 1, .k1 = 2}, "moor");
  EXPECT_NE(hash, SipHash({.k0 = 3, .k1 = 2}, "moor"));
  EXPECT_NE(hash, SipHash({.k0 = 1, .k1 = 3}, "moor"));
  EXPECT_EQ(hash, SipHash({.k0 = 1, .k1 = 2}, "moor"));
}

TEST(SipKey, IsNewEachTime) {
  const SipKey one = SipKey::Random();
  const SipKey two = SipKey::Random();
  EXPECT_FALSE(one.k0 == two.k0 && one.k1 == two.k1);
}

TEST(Mix64, IsTheFinalizerOfSplitmix64) {
  // The first outputs of splitmix64 seeded with 0 and with 0x9e3779b97f4a7c15.
  static_assert(Mix64(0) == 0xe220a8397b1dcdaf);
  static_assert(Mix64(0x9e3779b97f4a7c15) == 0x6e789e6aa1b965f4);
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 10000; ++i) seen.insert(Mix64(i));
  EXPECT_EQ(seen.size(), 10000U);
}

}  // namespace
}  // namespace hawser::base
