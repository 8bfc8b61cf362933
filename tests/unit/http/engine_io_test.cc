#include "proxy/http/engine_io.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

using State = OpenPacketReader::State;

// As Socket.IO 4 sends it.
constexpr std::string_view kOpen =
    R"(0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})";
constexpr std::string_view kSession = "lv_VI97HAXpY6yYWAAAC";

RequestHead Request(std::string_view target, std::string_view method = "GET") {
  RequestHead head;
  head.method = method;
  head.target = target;
  return head;
}

// The session that is found when the body comes in pieces of `step` bytes; empty if none is.
std::string SessionIn(std::string_view body, size_t step) {
  OpenPacketReader reader;
  for (; !body.empty(); body.remove_prefix(std::min(step, body.size()))) {
    reader.Read(std::as_bytes(std::span(body.substr(0, step))));
  }
  return reader.Read({}) == State::kFound ? std::string(reader.session()) : "";
}

std::string SessionIn(std::string_view body) {
  std::string whole = SessionIn(body, body.size());
  for (const size_t step : {1, 2, 7, 64}) EXPECT_EQ(SessionIn(body, step), whole) << step;
  return whole;
}

TEST(EngineIo, ALaterRequestNamesItsSession) {
  EXPECT_EQ(EngineIoSessionOf(Request("/socket.io/?EIO=4&transport=polling&t=Oxw&sid=lv_VI97HAXpY6yYWAAAC")),
            kSession);
  EXPECT_EQ(EngineIoSessionOf(Request("/socket.io/?sid=a&EIO=4")), "a");
  EXPECT_EQ(EngineIoSessionOf(Request("/socket.io/?EIO=4&transport=polling")), "");
  EXPECT_EQ(EngineIoSessionOf(Request("/socket.io/?sid=")), "");
}

TEST(EngineIo, ASessionThatNoServerMakesIsNone) {
  EXPECT_EQ(EngineIoSessionOf(Request("/?sid=a%20b")), "");
  EXPECT_EQ(EngineIoSessionOf(Request("/?sid=a\"b")), "");
  EXPECT_EQ(EngineIoSessionOf(Request("/?sid=" + std::string(kLongestEngineIoSession, 'a'))).size(),
            kLongestEngineIoSession);
  EXPECT_EQ(EngineIoSessionOf(Request("/?sid=" + std::string(kLongestEngineIoSession + 1, 'a'))), "");
}

TEST(EngineIo, OnlyAGetWithoutASessionMayBeginOne) {
  EXPECT_TRUE(MayBeginEngineIoSession(Request("/socket.io/?EIO=4&transport=polling")));
  EXPECT_TRUE(MayBeginEngineIoSession(Request("/engine.io?EIO=3")));
  EXPECT_FALSE(MayBeginEngineIoSession(Request("/socket.io/?EIO=4&sid=a")));
  EXPECT_FALSE(MayBeginEngineIoSession(Request("/socket.io/?EIO=4", "POST")));
  EXPECT_FALSE(MayBeginEngineIoSession(Request("/socket.io/?transport=polling")));
  EXPECT_FALSE(MayBeginEngineIoSession(Request("/")));
}

TEST(EngineIo, OnlyA200InPlainBytesMayHoldAnOpenPacket) {
  ResponseHead response;
  response.status = 200;
  EXPECT_TRUE(MayHoldOpenPacket(response));
  response.headers.Add("Content-Encoding", "Identity");
  EXPECT_TRUE(MayHoldOpenPacket(response));
  response.headers.Set("Content-Encoding", "gzip");
  EXPECT_FALSE(MayHoldOpenPacket(response));
  response.headers.Clear();
  response.status = 400;
  EXPECT_FALSE(MayHoldOpenPacket(response));
}

TEST(OpenPacketReader, FindsTheSessionOfRevision4) {
  EXPECT_EQ(SessionIn(kOpen), kSession);
}

TEST(OpenPacketReader, FindsTheSessionOfRevision3) {
  EXPECT_EQ(SessionIn("118:" + std::string(kOpen) + "2:40"), kSession);
  const std::string binary = std::string("\x00\x01\x01\x08\xff", 5) + std::string(kOpen);
  EXPECT_EQ(SessionIn(binary), kSession);
}

TEST(OpenPacketReader, FindsTheSessionInJsonp) {
  EXPECT_EQ(SessionIn(R"(___eio[12]("0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[]}");)"), kSession);
  EXPECT_EQ(SessionIn(R"(___eio[0]("96:0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[]}");)"), kSession);
}

TEST(OpenPacketReader, FindsASessionThatStandsLaterOrSpacedOut) {
  EXPECT_EQ(SessionIn(R"(0{"upgrades":["websocket"],"sid" : "a-b.c~d_1"})"), "a-b.c~d_1");
}

TEST(OpenPacketReader, FindsNoneInOtherBodies) {
  for (const std::string_view body :
       {std::string_view("2probe"), std::string_view(R"({"sid":"abcdef"})"),
        std::string_view(R"(40{"sid":"abcdef"})"), std::string_view(R"(<html>10{"sid":"abc"}</html>)"),
        std::string_view(R"(0{"sid":""})"), std::string_view(R"(0{"sid":17})"),
        std::string_view(R"(0{"sid":"a b"})"), std::string_view(R"(0{"sidecar":"a"})"),
        std::string_view(R"(0{"sid":"cut o)"), std::string_view("0{"), std::string_view()}) {
    EXPECT_EQ(SessionIn(body), "") << body;
  }
  EXPECT_EQ(SessionIn("0{\"sid\":\"" + std::string(kLongestEngineIoSession + 1, 'a') + "\"}"), "");
}

TEST(OpenPacketReader, GivesUpWithinItsBound) {
  OpenPacketReader reader;
  const std::string framing(32, 'x');
  EXPECT_EQ(reader.Read(std::as_bytes(std::span(framing))), State::kNone);
  OpenPacketReader patient;
  const std::string body = "0{" + std::string(OpenPacketReader::kLookedAt, ' ') + R"("sid":"a")";
  EXPECT_EQ(patient.Read(std::as_bytes(std::span(body))), State::kNone);
}

TEST(OpenPacketReader, FindsNothingInNoise) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string body(kOpen);
    for (int i = 0; i < 3; ++i) body[random() % 40] = static_cast<char>(random());
    const std::string session = SessionIn(body);
    EXPECT_LE(session.size(), kLongestEngineIoSession);
    EXPECT_EQ(session.find_first_of("\"\\ &\r\n"), std::string::npos) << body;
  }
}

}  // namespace
}  // namespace hawser::http
