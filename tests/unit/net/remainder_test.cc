#include "proxy/net/remainder.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace hawser::net::remainder_test {
namespace {

std::string TextOf(const Remainder& remainder) {
  return {reinterpret_cast<const char*>(remainder.bytes().data()), remainder.size()};
}

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Remainder, IsOnePointer) {
  EXPECT_EQ(sizeof(Remainder), sizeof(void*));
}

TEST(Remainder, AssignReplacesWhatItHeld) {
  Remainder remainder;
  EXPECT_TRUE(remainder.empty());
  EXPECT_EQ(TextOf(remainder), "");
  remainder.Assign(Bytes("first"));
  EXPECT_EQ(TextOf(remainder), "first");
  remainder.Assign(Bytes(std::string_view("\0second", 7)));
  EXPECT_EQ(TextOf(remainder), std::string("\0second", 7));
}

TEST(Remainder, MayKeepAPartOfItself) {
  Remainder remainder;
  remainder.Assign(Bytes("first second"));
  remainder.Assign(remainder.bytes().subspan(6));
  EXPECT_EQ(TextOf(remainder), "second");
}

TEST(Remainder, IsEmptyOnceItKeepsNothing) {
  Remainder remainder;
  remainder.Assign(Bytes("first"));
  remainder.Assign({});
  EXPECT_TRUE(remainder.empty());
  remainder.Assign(Bytes("second"));
  remainder.Clear();
  EXPECT_TRUE(remainder.empty());
}

}  // namespace
}  // namespace hawser::net::remainder_test
