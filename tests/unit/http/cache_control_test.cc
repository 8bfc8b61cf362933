#include "proxy/http/cache_control.h"

#include "gtest/gtest.h"

namespace hawser::http {
namespace {

bool Shared(std::string_view field) {
  HeaderList headers;
  headers.Add("Vary", "public");
  headers.Add("cache-control", field);
  return IsForSharedCaches(headers);
}

TEST(CacheControl, PublicAndSMaxageAreForSharedCaches) {
  for (const char* field : {"public", "PUBLIC, max-age=60", "max-age=60,s-maxage=5",
                            "must-revalidate, S-MaxAge = 5", "no-cache=\"a, b\", public"})
    EXPECT_TRUE(Shared(field)) << field;
  HeaderList two;
  two.Add("Cache-Control", "max-age=60");
  two.Add("Cache-Control", "public");
  EXPECT_TRUE(IsForSharedCaches(two));
}

TEST(CacheControl, AllElseIsNot) {
  for (const char* field :
       {"", "private", "max-age=60", "no-store", "x-public, publicly", "no-cache=\"a, public\""})
    EXPECT_FALSE(Shared(field)) << field;
  EXPECT_FALSE(IsForSharedCaches({}));
}

}  // namespace
}  // namespace hawser::http
