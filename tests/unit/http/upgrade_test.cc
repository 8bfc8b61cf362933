#include "proxy/http/upgrade.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

RequestHead Handshake() {
  RequestHead head{.method = "GET", .target = "/chat", .authority = "example.com"};
  head.headers.Add("Host", "example.com");
  head.headers.Add("Upgrade", "websocket");
  head.headers.Add("Connection", "Upgrade");
  head.headers.Add("Sec-WebSocket-Key", kKey);
  head.headers.Add("Sec-WebSocket-Version", "13");
  return head;
}

Reject Verdict(const RequestHead& head) {
  return Classify(head).reject;
}

// The verdict on a handshake in which `name` has that value instead, or on one more such field.
Reject With(std::string_view name, std::string_view value) {
  RequestHead head = Handshake();
  head.headers.Set(name, value);
  return Verdict(head);
}
Reject WithAnother(std::string_view name, std::string_view value) {
  RequestHead head = Handshake();
  head.headers.Add(name, value);
  return Verdict(head);
}
Reject Without(std::string_view name) {
  RequestHead head = Handshake();
  head.headers.Remove(name);
  return Verdict(head);
}

TEST(Classify, ARightHandshakeIsAnUpgrade) {
  const RequestHead head = Handshake();
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_TRUE(result.upgrade.websocket);
  EXPECT_EQ(result.upgrade.key, kKey);
  EXPECT_THAT(result.upgrade.subprotocols, IsEmpty());
  EXPECT_THAT(result.upgrade.extensions, IsEmpty());
}

TEST(Classify, AnOrdinaryRequestIsPlain) {
  RequestHead head{.method = "POST", .target = "/", .authority = "a"};
  head.headers.Add("Host", "a");
  head.headers.Add("Connection", "keep-alive");
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_FALSE(result.upgrade.websocket);
}

TEST(Classify, AnUpgradeToSomethingElseIsPlain) {
  RequestHead head{.method = "GET", .target = "/", .authority = "a"};
  head.headers.Add("Host", "a");
  head.headers.Add("Connection", "Upgrade, HTTP2-Settings");
  head.headers.Add("Upgrade", "h2c");
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_FALSE(result.upgrade.websocket);
}

TEST(Classify, TokensMayStandInListsAndInAnyCase) {
  EXPECT_EQ(With("Connection", "keep-alive, UPGRADE"), Reject::kNone);
  EXPECT_EQ(With("Upgrade", "h2c, WebSocket"), Reject::kNone);
  EXPECT_EQ(WithAnother("Connection", "keep-alive"), Reject::kNone);
}

TEST(Classify, HalfAnUpgradeIsRefusedAndNotRepaired) {
  EXPECT_EQ(Without("Connection"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Connection", "keep-alive"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Connection", "Upgraded"), Reject::kBadUpgrade);
  EXPECT_EQ(Without("Upgrade"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Upgrade", "h2c"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Upgrade", "websockets"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Upgrade", "websocket/13"), Reject::kBadUpgrade);
}

TEST(Classify, WebSocketFieldsAloneMakeNoUpgrade) {
  RequestHead head = Handshake();
  head.headers.Remove("Upgrade");
  head.headers.Remove("Connection");
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_FALSE(result.upgrade.websocket);
}

TEST(Classify, OnlyGetUpgrades) {
  for (const std::string_view method : {"POST", "HEAD", "PUT", "OPTIONS", "get", "GETT"}) {
    RequestHead head = Handshake();
    head.method = method;
    EXPECT_EQ(Verdict(head), Reject::kMethodNotAllowed) << method;
  }
}

TEST(Classify, Http10DoesNotUpgrade) {
  RequestHead head = Handshake();
  head.version = Version::kHttp10;
  EXPECT_EQ(Verdict(head), Reject::kBadUpgrade);
}

TEST(Classify, TheVersionIsThirteenOnce) {
  for (const std::string_view version :
       {"12", "8", "0", "", "013", "13, 8", "8, 13", "13.0", "+13", "thirteen"}) {
    EXPECT_EQ(With("Sec-WebSocket-Version", version), Reject::kBadWebSocketVersion) << version;
  }
  EXPECT_EQ(Without("Sec-WebSocket-Version"), Reject::kBadWebSocketVersion);
  EXPECT_EQ(WithAnother("Sec-WebSocket-Version", "13"), Reject::kBadWebSocketVersion);
  EXPECT_EQ(WithAnother("Sec-WebSocket-Version", "8"), Reject::kBadWebSocketVersion);
}

TEST(Classify, TheKeyIsSixteenBytesInCanonicalBase64Once) {
  for (const std::string_view key :
       {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZ_==",
        "dGhlIHNhbXBsZSBub25jZQ ==", "dGhlIHNhbXBsZSBub2=jZQ==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "dGhlIHNhbXBsZSBub25jZUE="}) {
    EXPECT_EQ(With("Sec-WebSocket-Key", key), Reject::kBadWebSocketKey) << key;
  }
  EXPECT_EQ(With("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="), Reject::kNone);
  EXPECT_EQ(With("Sec-WebSocket-Key", "/+////////////////////w=="), Reject::kBadWebSocketKey);
  EXPECT_EQ(With("Sec-WebSocket-Key", "/+///////////////////w=="), Reject::kNone);
  EXPECT_EQ(Without("Sec-WebSocket-Key"), Reject::kBadWebSocketKey);
  EXPECT_EQ(WithAnother("Sec-WebSocket-Key", kKey), Reject::kBadWebSocketKey);
}

TEST(Classify, AHandshakeHasNoBody) {
  EXPECT_EQ(With("Content-Length", "0"), Reject::kNone);
  EXPECT_EQ(With("Content-Length", "5"), Reject::kUpgradeWithBody);
  EXPECT_EQ(With("Content-Length", "00"), Reject::kUpgradeWithBody);
  EXPECT_EQ(With("Content-Length", ""), Reject::kUpgradeWithBody);
  EXPECT_EQ(With("Transfer-Encoding", "chunked"), Reject::kUpgradeWithBody);
  EXPECT_EQ(With("Transfer-Encoding", ""), Reject::kUpgradeWithBody);
  RequestHead head = Handshake();
  head.headers.Add("Content-Length", "0");
  head.headers.Add("Content-Length", "0");
  EXPECT_EQ(Verdict(head), Reject::kUpgradeWithBody);
}

TEST(Classify, AHandshakeNamesOneHost) {
  EXPECT_EQ(Without("Host"), Reject::kBadHost);
  EXPECT_EQ(WithAnother("Host", "example.com"), Reject::kBadHost);
}

TEST(Classify, OffersAreReadFromAllTheirFields) {
  RequestHead head = Handshake();
  head.headers.Add("Sec-WebSocket-Protocol", "chat.v2, chat");
  head.headers.Add("sec-websocket-protocol", "mqtt");
  head.headers.Add("Sec-WebSocket-Extensions",
                   "permessage-deflate; client_max_window_bits, permessage-deflate");
  head.headers.Add("Sec-WebSocket-Extensions", "x-webkit; a=\"b\"");
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_THAT(result.upgrade.subprotocols, ElementsAre("chat.v2", "chat", "mqtt"));
  EXPECT_THAT(result.upgrade.extensions, ElementsAre("permessage-deflate", "permessage-deflate", "x-webkit"));
}

TEST(Classify, OffersThatAreNoTokensAreRefused) {
  EXPECT_EQ(With("Sec-WebSocket-Protocol", "a b"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Sec-WebSocket-Protocol", "a/b"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Sec-WebSocket-Protocol", "a, a"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Sec-WebSocket-Extensions", "; a"), Reject::kBadUpgrade);
  EXPECT_EQ(With("Sec-WebSocket-Extensions", "a b"), Reject::kBadUpgrade);
}

RequestHead ExtendedConnect() {
  RequestHead head{.method = "CONNECT",
                   .target = "/chat",
                   .scheme = "https",
                   .authority = "example.com",
                   .protocol = "websocket",
                   .version = Version::kHttp2};
  head.headers.Add("sec-websocket-version", "13");
  head.headers.Add("sec-websocket-protocol", "chat");
  return head;
}

TEST(Classify, AnExtendedConnectIsAnUpgradeWithoutKey) {
  const RequestHead head = ExtendedConnect();
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_TRUE(result.upgrade.websocket);
  EXPECT_EQ(result.upgrade.key, "");
  EXPECT_THAT(result.upgrade.subprotocols, ElementsAre("chat"));
}

TEST(Classify, AnExtendedConnectFollowsTheSameRules) {
  RequestHead head = ExtendedConnect();
  head.headers.Set("sec-websocket-version", "12");
  EXPECT_EQ(Verdict(head), Reject::kBadWebSocketVersion);
  head = ExtendedConnect();
  head.protocol = "connect-udp";
  EXPECT_EQ(Verdict(head), Reject::kBadUpgrade);
  head = ExtendedConnect();
  head.method = "GET";
  EXPECT_EQ(Verdict(head), Reject::kMethodNotAllowed);
  head = ExtendedConnect();
  head.headers.Add("content-length", "5");
  EXPECT_EQ(Verdict(head), Reject::kUpgradeWithBody);
}

TEST(Classify, AnUpgradeFieldMeansNothingInHttp2) {
  RequestHead head = Handshake();
  head.version = Version::kHttp2;
  const Classification result = Classify(head);
  EXPECT_EQ(result.reject, Reject::kNone);
  EXPECT_FALSE(result.upgrade.websocket);
}

TEST(AcceptFor, IsTheDigestOfTheRfcsExample) {
  EXPECT_EQ(AcceptFor(kKey), kAccept);
}

ResponseHead Switching() {
  ResponseHead head{.status = 101, .reason = "Switching Protocols"};
  head.headers.Add("Upgrade", "websocket");
  head.headers.Add("Connection", "Upgrade");
  head.headers.Add("Sec-WebSocket-Accept", kAccept);
  return head;
}

UpgradeRequest Offer() {
  return {.websocket = true,
          .key = kKey,
          .subprotocols = {"chat.v2", "chat"},
          .extensions = {"permessage-deflate"}};
}

UpgradeAnswer AnswerWith(std::string_view name, std::string_view value) {
  ResponseHead head = Switching();
  head.headers.Set(name, value);
  return CheckResponse(head, Offer(), kKey);
}
UpgradeAnswer AnswerWithAnother(std::string_view name, std::string_view value) {
  ResponseHead head = Switching();
  head.headers.Add(name, value);
  return CheckResponse(head, Offer(), kKey);
}
UpgradeAnswer AnswerWithout(std::string_view name) {
  ResponseHead head = Switching();
  head.headers.Remove(name);
  return CheckResponse(head, Offer(), kKey);
}

TEST(CheckResponse, ARight101OpensTheTunnel) {
  EXPECT_EQ(CheckResponse(Switching(), Offer(), kKey), UpgradeAnswer::kTunnel);
  EXPECT_EQ(AnswerWith("Upgrade", "WebSocket"), UpgradeAnswer::kTunnel);
  EXPECT_EQ(AnswerWith("Connection", "keep-alive, upgrade"), UpgradeAnswer::kTunnel);
  for (const char* length : {"0", "5", "x", ""}) {
    EXPECT_EQ(AnswerWith("Content-Length", length), UpgradeAnswer::kTunnel) << length;
  }
  for (const char* coding : {"chunked", "gzip", ""}) {
    EXPECT_EQ(AnswerWith("Transfer-Encoding", coding), UpgradeAnswer::kTunnel) << coding;
  }
}

TEST(CheckResponse, AnyOtherStatusIsRelayedHoweverItsFieldsLook) {
  for (const int status : {200, 204, 301, 400, 401, 403, 426, 500, 503}) {
    ResponseHead head = Switching();
    head.status = status;
    EXPECT_EQ(CheckResponse(head, Offer(), kKey), UpgradeAnswer::kRelay) << status;
  }
}

TEST(CheckResponse, AnUnrequested101IsBroken) {
  const std::string accept = AcceptFor("");
  ResponseHead head = Switching();
  head.headers.Set("Sec-WebSocket-Accept", accept);
  EXPECT_EQ(CheckResponse(head, UpgradeRequest{}, {}), UpgradeAnswer::kBroken);
}

TEST(CheckResponse, EveryFieldOfThe101MustBeRight) {
  EXPECT_EQ(AnswerWithout("Upgrade"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Upgrade", "h2c"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Upgrade", "websocket, h2c"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWithAnother("Upgrade", "websocket"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWithout("Connection"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Connection", "keep-alive"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWithout("Sec-WebSocket-Accept"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Accept", ""), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWithAnother("Sec-WebSocket-Accept", kAccept), UpgradeAnswer::kBroken);
}

TEST(CheckResponse, A101OfHttp10IsBroken) {
  ResponseHead head = Switching();
  head.version = Version::kHttp10;
  EXPECT_EQ(CheckResponse(head, Offer(), kKey), UpgradeAnswer::kBroken);
}

TEST(CheckResponse, TheSubprotocolIsOneThatWasOffered) {
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Protocol", "chat"), UpgradeAnswer::kTunnel);
  for (const std::string_view chosen : {"mqtt", "Chat", "chat.v2, chat", "", "chat.v"}) {
    EXPECT_EQ(AnswerWith("Sec-WebSocket-Protocol", chosen), UpgradeAnswer::kBroken) << chosen;
  }
  ResponseHead twice = Switching();
  twice.headers.Add("Sec-WebSocket-Protocol", "chat");
  twice.headers.Add("Sec-WebSocket-Protocol", "chat");
  EXPECT_EQ(CheckResponse(twice, Offer(), kKey), UpgradeAnswer::kBroken);
}

TEST(CheckResponse, ExtensionsAreOnesThatWereOffered) {
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover"),
            UpgradeAnswer::kTunnel);
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Extensions", "permessage-bzip2"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Extensions", "permessage-deflate, x"), UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Extensions", "permessage-deflate, permessage-deflate"),
            UpgradeAnswer::kBroken);
  EXPECT_EQ(AnswerWith("Sec-WebSocket-Extensions", "; x"), UpgradeAnswer::kBroken);
}

TEST(AddUpgradeFields, RebuildsTheHandshake) {
  HeaderList headers;
  AddUpgradeFields(headers);
  EXPECT_EQ(headers.Find("Connection"), "Upgrade");
  EXPECT_EQ(headers.Find("Upgrade"), "websocket");
}

}  // namespace
}  // namespace hawser::http
