#include "proxy/http/cookie.h"

#include "gtest/gtest.h"

namespace hawser::http {
namespace {

using namespace std::chrono_literals;

std::optional<std::string_view> FindIn(std::string_view field, std::string_view name) {
  HeaderList headers;
  headers.Add("Cookie", field);
  return FindCookie(headers, name);
}

TEST(FindCookie, FindsAValueAmongOthers) {
  EXPECT_EQ(FindIn("a=1; moor=xyz; b=2", "moor"), "xyz");
  EXPECT_EQ(FindIn("moor=xyz", "moor"), "xyz");
  EXPECT_EQ(FindIn("a=1;moor=xyz;b=2", "moor"), "xyz");
  EXPECT_EQ(FindIn("a=1;  moor = xyz ", "moor"), "xyz");
}

TEST(FindCookie, AnEqualsSignMayStandInTheValue) {
  EXPECT_EQ(FindIn("moor=a=b==", "moor"), "a=b==");
}

TEST(FindCookie, TheNameMustMatchWholeAndInCase) {
  EXPECT_EQ(FindIn("xmoor=1; moorx=2; Moor=3", "moor"), std::nullopt);
  EXPECT_EQ(FindIn("a=moor=1", "moor"), std::nullopt);
}

TEST(FindCookie, PairsWithoutEqualsSignAreSkipped) {
  EXPECT_EQ(FindIn("moor; moor=1", "moor"), "1");
  EXPECT_EQ(FindIn("moor", "moor"), std::nullopt);
  EXPECT_EQ(FindIn("=moor", "moor"), std::nullopt);
}

TEST(FindCookie, AnEmptyValueIsAValue) {
  EXPECT_EQ(FindIn("moor=; a=1", "moor"), "");
  EXPECT_EQ(FindIn("moor=", "moor"), "");
  EXPECT_EQ(FindIn("moor=\"\"", "moor"), "");
}

TEST(FindCookie, QuotesAroundTheValueAreTakenOff) {
  EXPECT_EQ(FindIn("moor=\"xyz\"", "moor"), "xyz");
  EXPECT_EQ(FindIn("moor=\"xyz", "moor"), "\"xyz");
  EXPECT_EQ(FindIn("moor=\"", "moor"), "\"");
}

TEST(FindCookie, AQuoteDoesNotHideASemicolon) {
  EXPECT_EQ(FindIn("a=\"x; moor=1\"", "moor"), "1\"");
}

TEST(FindCookie, TheFirstOfANameWins) {
  EXPECT_EQ(FindIn("moor=1; moor=2", "moor"), "1");
}

TEST(FindCookie, CookiesMayComeInCrumbs) {
  HeaderList headers;
  headers.Add("cookie", "a=1");
  headers.Add("X-Cookie", "moor=0");
  headers.Add("cookie", "b=2; moor=xyz");
  EXPECT_EQ(FindCookie(headers, "moor"), "xyz");
  EXPECT_EQ(FindCookie(headers, "c"), std::nullopt);
}

TEST(SetCookie, SaysWhatIsSetAndNoMore) {
  EXPECT_EQ(ToString({.name = "moor", .value = "abc"}), "moor=abc; Path=/; SameSite=Lax");
  EXPECT_EQ(ToString({.name = "moor",
                      .value = "abc",
                      .path = "/chat",
                      .max_age = 1h,
                      .secure = true,
                      .http_only = true,
                      .same_site = SameSite::kNone}),
            "moor=abc; Path=/chat; Max-Age=3600; Secure; HttpOnly; SameSite=None");
  EXPECT_EQ(ToString({.name = "moor", .value = "", .max_age = 0s, .same_site = SameSite::kStrict}),
            "moor=; Path=/; Max-Age=0; SameSite=Strict");
}

TEST(SetCookie, NothingCanAddAnAttributeOrEndTheLine) {
  for (const char* name : {"", "a b", "a=b", "a;b", "a\r\nb"})
    EXPECT_EQ(ToString({.name = name, .value = "v"}), "") << name;
  for (const char* value : {"a b", "a;b", "a,b", "a\"b", "a\\b", "a\r\nb", "\xc3\xa4", "\""}) {
    EXPECT_EQ(ToString({.name = "n", .value = value}), "") << value;
  }
  for (const char* path : {"", "chat", "/;Secure", "/\r\n", "/\x7f"}) {
    EXPECT_EQ(ToString({.name = "n", .value = "v", .path = path}), "") << path;
  }
  EXPECT_EQ(ToString({.name = "n", .value = "\"v\""}), "n=\"v\"; Path=/; SameSite=Lax");
}

}  // namespace
}  // namespace hawser::http
