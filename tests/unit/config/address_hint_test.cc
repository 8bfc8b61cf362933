#include "config/address_hint.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

std::string TextOf(const std::optional<Hint>& hint) {
  return hint ? hint->what + "; " + hint->expected : "";
}

TEST(AddressHint, APortAloneGetsAnAddressInFront) {
  EXPECT_EQ(TextOf(AddressHint(":8080")),
            "\":8080\" has no IP address; expected 0.0.0.0:8080, or \"[::]:8080\" for IPv6 as well");
  EXPECT_EQ(TextOf(BackendHint(":9000")),
            "\":9000\" has no IP address; expected 127.0.0.1:9000 for a backend on this machine");
  EXPECT_EQ(TextOf(AddressHint("8080")),
            "\"8080\" has no IP address; expected 0.0.0.0:8080, or \"[::]:8080\" for IPv6 as well");
  EXPECT_EQ(TextOf(AddressHint("*:80")),
            "\"*:80\" has no IP address; expected 0.0.0.0:80, or \"[::]:80\" for IPv6 as well");
  EXPECT_FALSE(AddressHint(":80800"));
}

TEST(AddressHint, AMissingCommaIsNamed) {
  EXPECT_EQ(
      TextOf(BackendHint("a.internal:80 b.internal:80")),
      "\"a.internal:80 b.internal:80\" is not one address; two addresses without a comma between them?");
  EXPECT_EQ(TextOf(BackendHint("127.0.0.1:80 127.0.0.1:81")),
            "\"127.0.0.1:80 127.0.0.1:81\" is not one address; two addresses without a comma between them?");
  EXPECT_EQ(TextOf(PeersHint("10.0.0.0/8 127.0.0.1")),
            "\"10.0.0.0/8 127.0.0.1\" is not one address; two addresses without a comma between them?");
  EXPECT_EQ(TextOf(BackendHint("127.0.0.1 :80")), "");
}

TEST(AddressHint, SaysWhichPartOfAUrlIsTheAddress) {
  EXPECT_EQ(TextOf(BackendHint("http://127.0.0.1:9000")),
            "\"http://127.0.0.1:9000\" is a URL, not an address; expected 127.0.0.1:9000");
  EXPECT_EQ(TextOf(BackendHint("ws://10.0.0.1/chat")),
            "\"ws://10.0.0.1/chat\" is a URL, not an address; expected 10.0.0.1:80");
  EXPECT_EQ(
      TextOf(BackendHint("https://[2001:db8::1]")),
      "\"https://[2001:db8::1]\" is a URL, not an address; expected \"[2001:db8::1]:443\", and `tls` in the "
      "cluster");
  EXPECT_EQ(
      TextOf(AddressHint("wss://0.0.0.0:443")),
      "\"wss://0.0.0.0:443\" is a URL, not an address; expected 0.0.0.0:443, and `tls` in the listener");
  EXPECT_EQ(TextOf(BackendHint("http://chat.internal:9000")),
            "\"http://chat.internal:9000\" is a URL, not an address; expected chat.internal:9000");
  EXPECT_EQ(
      TextOf(BackendHint("wss://chat.internal/ws")),
      "\"wss://chat.internal/ws\" is a URL, not an address; expected chat.internal:443, and `tls` in the "
      "cluster");
  EXPECT_EQ(TextOf(AddressHint("http://chat.internal:9000")),
            "\"http://chat.internal:9000\" is a URL, not an address; expected IP:PORT (host names are not "
            "supported)");
}

TEST(AddressHint, FillsInTheMissingHalfOfAnAddress) {
  EXPECT_EQ(TextOf(BackendHint("127.0.0.1")), "\"127.0.0.1\" has no port; expected 127.0.0.1:PORT");
  EXPECT_EQ(TextOf(BackendHint("::1")), "\"::1\" has no port; expected \"[::1]:PORT\"");
  EXPECT_EQ(TextOf(BackendHint("::1:80")),
            "\"::1:80\" has no brackets around the IPv6 address; expected \"[::1]:80\"");
  EXPECT_EQ(TextOf(BackendHint("rooms.internal")),
            "\"rooms.internal\" has no port; expected rooms.internal:PORT");
  EXPECT_EQ(TextOf(AddressHint("localhost:80")),
            "\"localhost:80\" has a host name; expected 127.0.0.1:80 or \"[::1]:80\" (host names are not "
            "supported)");
  EXPECT_EQ(TextOf(BackendHint("/run/chat.sock")),
            "\"/run/chat.sock\" is a path, not an address; expected \"unix:/run/chat.sock\"");
}

TEST(AddressHint, GuessesNothingIfTheMeaningIsUnclear) {
  for (const char* text : {"", "chat:80", "*.example.com:80", "unix:", "unix:99999", "127.0.0.1:80"}) {
    EXPECT_FALSE(BackendHint(text)) << text;
  }
}

TEST(PeersHint, NamesTheBlockForHostBits) {
  EXPECT_EQ(TextOf(PeersHint("10.1.2.3/8")),
            "\"10.1.2.3/8\" has bits set behind its prefix; expected 10.0.0.0/8 for the block, or 10.1.2.3 "
            "for the one "
            "address");
  EXPECT_EQ(TextOf(PeersHint("2001:db8::1/32")),
            "\"2001:db8::1/32\" has bits set behind its prefix; expected 2001:db8::/32 for the block, or "
            "2001:db8::1 for "
            "the one address");
  for (const char* text : {"10.0.0.0/33", "10.0.0/8", "10.0.0.1", "unix", "", "/8", "10.0.0.0/8"}) {
    EXPECT_FALSE(PeersHint(text)) << text;
  }
}

TEST(AddressHint, SaysWhichNumbersArePorts) {
  EXPECT_EQ(TextOf(AddressHint("127.0.0.1:84433")), "not a port: \"84433\"; expected 1 to 65535");
  EXPECT_EQ(TextOf(BackendHint("[::1]:http")), "not a port: \"http\"; expected 1 to 65535");
  EXPECT_EQ(TextOf(BackendHint("chat:99999")), "not a port: \"99999\"; expected 1 to 65535");
  EXPECT_EQ(TextOf(BackendHint("127.0.0.1:")), "not a port: \"\"; expected 1 to 65535");
}

TEST(OriginHint, AddsTheSchemeAndLeavesThePathOut) {
  EXPECT_EQ(OriginHint("www.example.com"), "expected https://www.example.com");
  EXPECT_EQ(OriginHint("www.example.com:8443/"), "expected https://www.example.com:8443");
  EXPECT_EQ(OriginHint("https://www.example.com/"), "expected https://www.example.com");
  EXPECT_EQ(OriginHint("http://www.example.com/chat?a=b"), "expected http://www.example.com");
  EXPECT_EQ(OriginHint("wss://www.example.com/chat"), "expected https://www.example.com");
  EXPECT_EQ(OriginHint("*.example.com"), "expected https://*.example.com");
  EXPECT_EQ(OriginHint("localhost:3000"), "expected https://localhost:3000");
}

TEST(OriginHint, EveryOriginNeedsNoFilter) {
  EXPECT_EQ(OriginHint("*"), "to allow every origin, leave the filter out");
}

TEST(OriginHint, GuessesNothingOfOtherText) {
  EXPECT_EQ(OriginHint("self"), std::nullopt);
  EXPECT_EQ(OriginHint("https://"), std::nullopt);
  EXPECT_EQ(OriginHint(""), std::nullopt);
}

}  // namespace
}  // namespace hawser::config
