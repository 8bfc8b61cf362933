#include "config/yaml_hint.h"

#include <string>
#include <vector>

#include "config/node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// The one error of a file that is no YAML.
std::string Error(std::string_view text) {
  Diagnostics diagnostics("f");
  EXPECT_EQ(ParseYaml(text, diagnostics), nullptr) << text;
  const std::vector<Diagnostic> errors = diagnostics.Take();
  EXPECT_EQ(errors.size(), 1u);
  return errors.empty() ? "" : Render(errors[0]);
}

TEST(YamlHint, AStarInFrontNeedsQuotes) {
  for (const char* text : {"host: *.example.com\n", "match: { host: *.example.com }\n",
                           "hosts:\n- *.example.com\n", "hosts: [*.example.com, b]\n"}) {
    EXPECT_THAT(Error(text), EndsWith("; put \"*.example.com\" in quotes: * begins an alias"));
  }
  EXPECT_THAT(Error("a: *:80\n"), EndsWith("; put \"*:80\" in quotes: * begins an alias"));
  EXPECT_THAT(Error("a: *\n"), EndsWith("; put \"*\" in quotes: * begins an alias"));
}

TEST(YamlHint, AnIpv6AddressNeedsQuotes) {
  for (const char* text : {"a: [::1]:80\n", "a: { b: [::1]:80 }\n", "a:\n- [::1]:80\n"}) {
    EXPECT_THAT(Error(text), EndsWith("; put \"[::1]:80\" in quotes: [ begins a list")) << text;
  }
  EXPECT_THAT(Error("a: [ [::1]:80, x ]\n"), EndsWith("in quotes: [ begins a list"));
  EXPECT_THAT(Error("a: [::]:8080\nb: c\n"), EndsWith("; put \"[::]:8080\" in quotes: [ begins a list"));
}

TEST(YamlHint, APercentSignInFrontNeedsQuotes) {
  EXPECT_THAT(Error("format: %time% %client%\n"),
              EndsWith("; put \"%time% %client%\" in quotes: % begins a directive"));
  EXPECT_THAT(Error("log: { format: %time% %client%, path: x }\n"),
              EndsWith("; put \"%time% %client%\" in quotes: % begins a directive"));
}

TEST(YamlHint, OtherCharactersOfYamlNeedQuotes) {
  EXPECT_THAT(Error("a: @home\n"), EndsWith("; put \"@home\" in quotes: YAML keeps @ and ` for itself"));
  EXPECT_THAT(Error("path: -\n"), EndsWith("; put \"-\" in quotes: - begins an entry of a list"));
  EXPECT_THAT(Error("a: say: it\n"),
              EndsWith("; put \"say: it\" in quotes: a colon with a space behind it ends a key"));
}

TEST(YamlHint, AQuestionMarkInsideBracesNeedsQuotes) {
  EXPECT_THAT(Error("match: { path: /a?b=1 }\n"),
              EndsWith("; put \"/a?b=1\" in quotes: ? begins a key inside { }"));
}

TEST(YamlHint, ATabIsNamed) {
  EXPECT_THAT(Error("a:\n\tb: c\n"), EndsWith("; expected spaces: this line is indented with a tab"));
}

TEST(YamlHint, AMissingSpaceIsReportedWithItsLine) {
  for (const char* text : {"a:\n  b:1\n  c: 2\n", "a:\n  b: 1\n\n  b:2\n# c\nd: 3\n", "a:\n- b:x\n  c: 2\n",
                           "a:\n  b:/run/x\n  c: 2\n", "a:\n  b: 1\n  c:2\n"}) {
    EXPECT_THAT(Error(text), ContainsRegex("; line [2-4] has no space behind its colon$")) << text;
  }
  EXPECT_EQ(Error("a:\n  b:1\n  c: 2\n"),
            "f:3:4: not YAML: illegal map value; line 2 has no space behind its colon");
  EXPECT_THAT(Error("a:\n  -b: 1\n   c: 2\n"), EndsWith("; line 2 has no space behind its dash"));
}

TEST(YamlHint, AnAddressNeedsNoSpace) {
  for (const char* text :
       {"a:\n- localhost:80\n  c: 2\n", "a:\n- unix:/run/x\n  c: 2\n", "a:\n- http://x\n  c: 2\n",
        "a:\n- 127.0.0.1:80\n  c: 2\n", "a:\n- b:80\n  c: 2\n"}) {
    EXPECT_THAT(Error(text), EndsWith(": not YAML: illegal map value")) << text;
  }
}

TEST(YamlHint, AMissingColonIsReportedWithItsLine) {
  EXPECT_THAT(Error("a:\n  b = 1\n  c: 2\n"), EndsWith("; line 2 has = instead of a colon and a space"));
  EXPECT_THAT(Error("a:\n  b: 1\n  c = 2\n"), EndsWith("; line 3 has = instead of a colon and a space"));
  EXPECT_THAT(Error("a: 1\nb\n- c: 2\n"), EndsWith("; line 2 has no colon"));
  EXPECT_THAT(Error("a:\n  b 1\n  c: 2\n"), EndsWith("; line 2 has no colon"));
}

TEST(YamlHint, ALineThatIsIndentedDeeperThanAValueIsReported) {
  EXPECT_EQ(Error("a: 1\n  b: 2\n"),
            "f:2:4: not YAML: illegal map value; this line is indented deeper than line 1, which has a value "
            "already");
  EXPECT_THAT(Error("a:\n- b: 1\n   c: 2\n"), EndsWith("deeper than line 2, which has a value already"));
}

TEST(YamlHint, AMissingCommaIsNamed) {
  EXPECT_EQ(Error("a: { b: 20/s c: 40 }\n"), "f:1:15: not YAML: a , or } is missing");
}

TEST(YamlHint, EnvironmentVariablesAreNotRead) {
  EXPECT_THAT(Error("a: [ ${B} ]\n"), EndsWith("; hawser does not read environment variables"));
  EXPECT_THAT(Error("a: { b: ${B}:80 }\n"), EndsWith("; hawser does not read environment variables"));
}

TEST(YamlHint, AQuoteThatIsOpenIsReportedWithItsLine) {
  EXPECT_EQ(Error("a: 1\nb: \"c\nd: e\n"),
            "f:3:4: not YAML: the file ends inside quotes; a quote that opens in line 2 may still be open");
  for (const char* text : {"a: 1\nb: \"c\nd: \"e\"\n", "a: 'it''s' # it's\nb: 'c\nd: 'e'\n",
                           "a: it's\nb: \"\\\"c\nd: \"e\"\n"}) {
    EXPECT_THAT(Error(text), EndsWith("; a quote that opens in line 2 may still be open")) << text;
  }
  EXPECT_THAT(Error("a: |\n  it \"is\nb: \"c\" d\n"), Not(HasSubstr("quote that opens")));
  EXPECT_THAT(Error("a: \"b\"\nc: \"d\" e\n"), Not(HasSubstr("quote that opens")));
}

TEST(YamlHint, SaysNothingIfTheLineDoesNotExplainTheFault) {
  EXPECT_EQ(Error("a: *nowhere\n"), "f:1:4: not YAML: the referenced anchor is not defined");
  EXPECT_EQ(Error("a: { b: 1\n"), "f:1:9: not YAML: a , or } is missing");
  EXPECT_EQ(Error("a:\n- b: { c: d }\n - b: {}\n"), "f:3:2: not YAML: this does not continue the list above");
  EXPECT_EQ(YamlHint("", {}, ""), "");
  EXPECT_EQ(YamlHint("a: *.b\n", {3, 1}, ""), "");
}

}  // namespace
}  // namespace hawser::config
