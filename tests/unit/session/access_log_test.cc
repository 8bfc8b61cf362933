#include "proxy/session/access_log.h"

#include <cstdio>
#include <fstream>
#include <string>

#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser::session {
namespace {

RequestRecord Record() {
  RequestRecord record;
  record.text = RequestText("id-1", "GET", "example.com", "/chat?say=\"hi\"\\\x01&token=…");
  record.client = *net::IpAddress::Parse("192.0.2.7");
  record.client_port = 4711;
  static base::NameTable names;
  record.listener = names.Intern("edge");
  record.status = 101;
  record.tunnel = true;
  return record;
}

std::string Render(std::string_view format,
                   const Outcome& outcome = {.closed_by = ClosedBy::kClient, .close_code = 1000}) {
  const RequestRecord record = Record();
  const session::Traffic traffic{.messages_in = 3, .rtt_average_ms = 1.5};
  std::string line;
  LogFormat::Parse(format)->Render({.record = record,
                                    .traffic = traffic,
                                    .outcome = outcome,
                                    .ended = record.start + std::chrono::nanoseconds(12'345'600)},
                                   line);
  return line;
}

TEST(AccessLog, JsonHasEveryFieldAndEscapesWhatAClientSent) {
  const auto line = nlohmann::json::parse(Render("json"), nullptr, false);
  ASSERT_FALSE(line.is_discarded());
  for (const char* field :
       {"time",       "event",       "request_id",  "listener",     "client",   "method",
        "host",       "path",        "status",      "route",        "cluster",  "endpoint",
        "affinity",   "duration_ms", "messages_in", "messages_out", "bytes_in", "bytes_out",
        "pings_sent", "rtt_ms",      "close_code",  "closed_by",    "reason",   "backend_error"}) {
    EXPECT_TRUE(line.contains(field)) << field;
  }
  EXPECT_EQ(line["event"], "tunnel");
  EXPECT_EQ(line["client"], "192.0.2.7:4711");
  EXPECT_EQ(line["path"], "/chat");
  EXPECT_EQ(line["query"], "say=\"hi\"\\\x01&token=…");
  EXPECT_EQ(line["messages_in"], 3);
  EXPECT_EQ(line["duration_ms"], 12.346);
  EXPECT_EQ(line["closed_by"], "client");
}

TEST(AccessLog, AFormatOfOnesOwnNamesFieldsBetweenPercentSigns) {
  EXPECT_EQ(Render("%client% \"%method% %host%\" %status% %route% 100%% %close_code%"),
            "192.0.2.7:4711 \"GET example.com\" 101 - 100% 1000");
}

TEST(AccessLog, AFormatWithAnUnknownFieldOrAStrayPercentIsRefused) {
  EXPECT_FALSE(LogFormat::Parse("%clint%").ok());
  EXPECT_FALSE(LogFormat::Parse("100%").ok());
}

TEST(AccessLog, AppendsToItsFileAndWritesAllOfItBeforeItEnds) {
  const std::string path = testing::TempDir() + "/access-" + std::to_string(getpid()) + ".log";
  const RequestRecord record = Record();
  for (int round = 0; round < 2; ++round) {
    auto log = AccessLog::Open({.path = path, .format = "%path%"});
    ASSERT_TRUE(log.ok());
    for (int i = 0; i < 100; ++i) (*log)->Write({record, {}, {}, 0});
  }
  std::ifstream file(path);
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) ++lines;
  EXPECT_EQ(lines, 200);
  std::remove(path.c_str());
}

TEST(AccessLog, AFileThatCannotBeOpenedIsAnErrorNotAnException) {
  EXPECT_FALSE(AccessLog::Open({.path = "/nonexistent/access.log"}).ok());
}

TEST(AccessLog, ALineWithoutAQueryHasNoSuchField) {
  RequestRecord record = Record();
  for (const char* target : {"/chat", "/chat?"}) {
    record.text = RequestText("id-1", "GET", "example.com", target);
    std::string text;
    LogFormat::Parse("json")->Render({.record = record, .traffic = {}, .outcome = {}, .ended = {}}, text);
    const auto line = nlohmann::json::parse(text, nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << text;
    EXPECT_EQ(line["path"], "/chat");
    EXPECT_FALSE(line.contains("query"));
  }
}

TEST(AccessLog, TheFlagSaysWhatHadAPart) {
  const auto flags = [](uint8_t parts, std::string_view of_reason) {
    RequestRecord record = Record();
    record.parts = parts;
    std::string line;
    LogFormat::Parse("%flag%")->Render(
        {.record = record, .traffic = {}, .outcome = {.flag = of_reason}, .ended = {}}, line);
    return line;
  };
  EXPECT_EQ(flags(0, ""), "-");
  EXPECT_EQ(flags(0, "UF"), "UF");
  EXPECT_EQ(flags(http::kRetryPart, ""), "RT");
  EXPECT_EQ(flags(http::kRetryLimitPart | http::kRetryPart, "UF"), "UF,RT,URX");
  EXPECT_EQ(flags(http::kBreakerPart | http::kQueuePart, "UO"), "UO,AQ") << "each once";
}

TEST(AccessLog, TriesAndTheQueueAppearWhereTheyHadAPart) {
  RequestRecord record = Record();
  const auto line = [&record] {
    std::string text;
    LogFormat::Parse("json")->Render({.record = record, .traffic = {}, .outcome = {}, .ended = {}}, text);
    return nlohmann::json::parse(text, nullptr, false);
  };
  record.attempts = 1;
  EXPECT_FALSE(line().contains("attempts"));
  EXPECT_FALSE(line().contains("queue_ms"));
  record.attempts = 3;
  record.queue_ms = 250;
  record.parts = http::kRetryPart | http::kQueuePart;
  EXPECT_EQ(line()["attempts"], 3);
  EXPECT_EQ(line()["queue_ms"], 250);
}

TEST(RequestText, KeepsItsPartsApartAndCutsWhatIsTooLongForALog) {
  const RequestText text("id", std::string(300, 'm'), "host", "/p?q?r");
  EXPECT_EQ(text.request_id(), "id");
  EXPECT_EQ(text.method().size(), 256U);
  EXPECT_EQ(text.host(), "host");
  EXPECT_EQ(text.path(), "/p");
  EXPECT_EQ(text.query(), "q?r");
}

}  // namespace
}  // namespace hawser::session
