#include "config/yaml_hint.h"

#include <string>
#include <vector>

#include "config/node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using ::testing::EndsWith;

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

TEST(YamlHint, SaysNothingIfTheLineDoesNotExplainTheFault) {
  EXPECT_EQ(Error("a: 1\n  b: 2\n"), "f:2:4: not YAML: illegal map value");
  EXPECT_EQ(Error("a: *nowhere\n"), "f:1:4: not YAML: the referenced anchor is not defined");
  EXPECT_EQ(Error("a: { b: 1\n"), "f:1:9: not YAML: a } is missing");
  EXPECT_EQ(Error("a:\n- b: { c: d }\n - b: {}\n"), "f:3:2: not YAML: this does not continue the list above");
  EXPECT_EQ(YamlHint("", {}), "");
  EXPECT_EQ(YamlHint("a: *.b\n", {3, 1}), "");
}

}  // namespace
}  // namespace hawser::config
