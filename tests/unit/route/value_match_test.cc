#include "proxy/route/value_match.h"

#include "gtest/gtest.h"

namespace hawser::route {
namespace {

ValueMatch Compile(const config::ValueMatch& settings) {
  return ValueMatch::Compile(settings).value();
}

http::HeaderList Headers() {
  http::HeaderList headers;
  headers.Add("X-Room", "blue");
  headers.Add("x-room", "red-7");
  headers.Add("X-Empty", "");
  return headers;
}

TEST(ValueMatch, AHeaderMatchesByAnyOfItsFields) {
  EXPECT_TRUE(Compile({.name = "x-ROOM", .exact = "blue"}).HoldsForHeaders(Headers()));
  EXPECT_TRUE(Compile({.name = "X-Room", .exact = "red-7"}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(Compile({.name = "X-Room", .exact = "Blue"}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(Compile({.name = "X-Roo", .exact = "blue"}).HoldsForHeaders(Headers()));
}

TEST(ValueMatch, APrefixMatchesTheBeginning) {
  EXPECT_TRUE(Compile({.name = "X-Room", .prefix = "red"}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(Compile({.name = "X-Room", .prefix = "ed"}).HoldsForHeaders(Headers()));
}

TEST(ValueMatch, AnExpressionMatchesAWholeValue) {
  EXPECT_TRUE(Compile({.name = "X-Room", .regex = "red-[0-9]"}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(Compile({.name = "X-Room", .regex = "red"}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(ValueMatch::Compile({.name = "X-Room", .regex = "["}).ok());
}

TEST(ValueMatch, PresenceAsksForNoValue) {
  EXPECT_TRUE(Compile({.name = "X-Empty", .present = true}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(Compile({.name = "X-Other", .present = true}).HoldsForHeaders(Headers()));
  EXPECT_FALSE(Compile({.name = "X-Empty", .present = false}).HoldsForHeaders(Headers()));
  EXPECT_TRUE(Compile({.name = "X-Other", .present = false}).HoldsForHeaders(Headers()));
}

TEST(ValueMatch, AQueryParameterIsComparedUndecoded) {
  EXPECT_TRUE(Compile({.name = "room", .exact = "a%20b"}).HoldsForQuery("x=1&room=a%20b"));
  EXPECT_FALSE(Compile({.name = "room", .exact = "a b"}).HoldsForQuery("x=1&room=a%20b"));
  EXPECT_FALSE(Compile({.name = "Room", .exact = "1"}).HoldsForQuery("room=1"));
  EXPECT_FALSE(Compile({.name = "room", .exact = "1"}).HoldsForQuery(""));
  EXPECT_TRUE(Compile({.name = "room", .present = true}).HoldsForQuery("room="));
  EXPECT_TRUE(Compile({.name = "room", .present = false}).HoldsForQuery("rooms=1"));
  EXPECT_FALSE(Compile({.name = "room", .present = false}).HoldsForQuery("room=1"));
}

}  // namespace
}  // namespace hawser::route
