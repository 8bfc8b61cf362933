#include "config/reader.h"

#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::reader_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Lines = std::vector<std::string>;

// Errors and warnings of a file with one listener a, these routes (from line 3 on) and one cluster c, whose
// further fields are `cluster`.
Lines Faults(const std::string& routes, const std::string& cluster = "", const std::string& more = "") {
  const Loaded loaded = LoadText("listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes:\n" + routes +
                                     "clusters:\n- name: c\n  endpoints: [ 127.0.0.1:2 ]\n" + cluster + more,
                                 "f.yaml", {.check_files = false});
  Lines lines;
  for (const Diagnostic& one : loaded.errors) lines.push_back(Render(one));
  for (const Diagnostic& one : loaded.warnings) lines.push_back(Render(one));
  return lines;
}

const std::string kRoute = "- { match: {}, cluster: c }\n";

std::string Allow(const std::string& value) {
  return "- match: {}\n  cluster: c\n  filters: [ { origin: { allow: " + value + " } } ]\n";
}

TEST(Reader, ShowsTheListThatASingleValueWasMeantAs) {
  EXPECT_THAT(Faults(Allow("same-host")),
              ElementsAre(HasSubstr("allow: is a single value; expected a list such as [ same-host ]")));
  EXPECT_THAT(Faults(Allow("\"https://a.example\"")),
              ElementsAre(HasSubstr("expected a list such as [ \"https://a.example\" ]")));
  EXPECT_THAT(Faults(kRoute, "", "access_log: { redacted: \"a]b\" }\n"),
              ElementsAre(HasSubstr("expected a list such as [ \"a]b\" ]")));
}

TEST(Reader, ShowsNoListOfWhatIsNoEntry) {
  const std::string list = "is a single value; expected a list";
  EXPECT_THAT(Faults(Allow("7")), ElementsAre(testing::EndsWith(list)));
  EXPECT_THAT(Faults("- { match: {}, cluster: c, filters: origin }\n"), ElementsAre(testing::EndsWith(list)));
  EXPECT_THAT(Faults(kRoute, "  affinity: { cookie: { keys: 0123456789abcdef0123456789abcdeX } }\n"),
              ElementsAre(testing::EndsWith(list)));
}

TEST(Reader, SaysThatASpaceIsMissingBehindADash) {
  EXPECT_THAT(Faults(Allow("-same-host")),
              ElementsAre(HasSubstr("allow: is a single value; a space is missing behind the dash")));
}

TEST(Reader, TextThatIsANumberOrATruthValueNeedsQuotes) {
  const auto exact = [](const std::string& value) {
    return Faults("- { match: { query: [ { name: q, exact: " + value + " } ] }, cluster: c }\n");
  };
  EXPECT_THAT(exact("1"), ElementsAre(HasSubstr("exact: 1 is a number; put it in quotes: \"1\"")));
  EXPECT_THAT(exact("true"), ElementsAre(HasSubstr("true is a truth value; put it in quotes: \"true\"")));
  EXPECT_THAT(exact("\"1\""), IsEmpty());
}

TEST(Reader, QuotesAreNotAskedForWhereTheyWouldNotDo) {
  EXPECT_THAT(Faults("- { match: { path: 1 }, cluster: c }\n"),
              ElementsAre(HasSubstr("path: \"1\" is not a path; expected a path that begins with /")));
}

TEST(Reader, OriginsAreShownAsBrowsersWriteThem) {
  EXPECT_THAT(Faults(Allow("[ www.example.com ]")),
              ElementsAre(HasSubstr("allow[0]: \"www.example.com\" is not an origin; expected "
                                    "https://www.example.com")));
  EXPECT_THAT(Faults(Allow("[ null ]")),
              ElementsAre(HasSubstr("allow[0]: has no value; expected an origin such as "
                                    "https://app.example.com or https://*.example.com, same-host or "
                                    "\"null\"")));
  EXPECT_THAT(Faults(Allow("[ \"null\" ]")), IsEmpty());
}

TEST(Reader, ASizeWithoutBoundsIsShownWithoutThem) {
  EXPECT_THAT(Faults("- { match: {}, cluster: c, websocket: { max_frame_bytes: big } }\n"),
              ElementsAre(testing::EndsWith("expected a size such as 512, 64KiB or 1MB")));
}

}  // namespace
}  // namespace hawser::config::reader_test
