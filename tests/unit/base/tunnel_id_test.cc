#include "proxy/base/tunnel_id.h"

#include "gtest/gtest.h"

namespace hawser::base::tunnel_id_test {
namespace {

TEST(TunnelId, IsTextAndBack) {
  const TunnelId id{.worker = 2, .slot = 41, .generation = 7};
  EXPECT_EQ(id.ToString(), "2-41-7");
  EXPECT_EQ(TunnelId::Parse("2-41-7"), id);
  EXPECT_EQ(TunnelId::Parse("65535-4294967295-4294967295")->slot, 4294967295U);
}

TEST(TunnelId, OfNoTunnelIsEmpty) {
  EXPECT_FALSE(TunnelId());
  EXPECT_EQ(TunnelId().ToString(), "");
}

TEST(TunnelId, HasOneSpelling) {
  for (const char* text : {"", "1", "1-2", "1-2-", "1-2-3-", "1-2-3 ", " 1-2-3", "01-2-3", "1-02-3", "+1-2-3",
                           "1--2-3", "a-2-3", "1-2-0", "65536-1-1", "1-4294967296-1"}) {
    EXPECT_EQ(TunnelId::Parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace hawser::base::tunnel_id_test
