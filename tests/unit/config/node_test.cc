#include "config/node.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Parsed {
  std::unique_ptr<Document> document;
  std::vector<std::string> errors;
};

Parsed Parse(std::string_view text, const TreeBounds& bounds = {}) {
  Diagnostics diagnostics("f");
  Parsed parsed{ParseYaml(text, diagnostics, bounds), {}};
  for (const Diagnostic& one : diagnostics.Take()) parsed.errors.push_back(Render(one));
  return parsed;
}

const Node& At(const Node& map, std::string_view key) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return *map.children[i];
  }
  ADD_FAILURE() << "no key " << key;
  return map;
}

TEST(Node, KnowsWhereKeysAndValuesStand) {
  const Parsed parsed = Parse("a: 1\nb:\n  - x\n  - { c: \"2\" }\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const Node& root = *parsed.document->root;
  EXPECT_EQ(root.keys[1].mark, (Mark{2, 1}));
  const Node& list = At(root, "b");
  EXPECT_EQ(list.children[0]->mark, (Mark{3, 5}));
  EXPECT_EQ(list.children[0]->kind, Node::Kind::kPlain);
  EXPECT_EQ(At(*list.children[1], "c").mark, (Mark{4, 10}));
  EXPECT_EQ(At(*list.children[1], "c").kind, Node::Kind::kQuoted);
}

TEST(Node, AByteOrderMarkInFrontIsSkipped) {
  const Parsed parsed = Parse(
      "\xef\xbb\xbf"
      "a: 1\nb: 2\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  EXPECT_EQ(parsed.document->root->keys[0].mark, (Mark{1, 1}));
  EXPECT_EQ(At(*parsed.document->root, "a").text, "1");
  EXPECT_THAT(Parse("\xff\xfe"
                    "a\0:\0")
                  .errors,
              ElementsAre("f:1:1: byte 0xff is not UTF-8; expected UTF-8 text"));
}

TEST(Node, NullHasItsSpellings) {
  const Parsed parsed = Parse("[ ~, null, Null, NULL, '~', 'null', nULL ]\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const std::vector<const Node*>& list = parsed.document->root->children;
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(list[i]->kind == Node::Kind::kNull, i < 4) << i;
  }
}

TEST(Node, AKeyThatStandsTwiceIsAnErrorAndTheFirstCounts) {
  const Parsed parsed = Parse("a:\n  - b: 1\n    c: 2\n    b: 3\nd: 4\n");
  EXPECT_THAT(parsed.errors, ElementsAre("f:4:5: a[0].b: the key is given twice; the first is in line 2"));
  EXPECT_EQ(At(*At(*parsed.document->root, "a").children[0], "b").text, "1");
}

TEST(Node, AFileWithoutAMapIsEmpty) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "~\n"}) {
    EXPECT_THAT(Parse(text).errors,
                ElementsAre("f:1:1: the file is empty; expected a map with listeners and routes"))
        << text;
  }
}

TEST(Node, BadYamlIsReportedAtItsPlace) {
  EXPECT_THAT(Parse("a: [1, 2\nb: 3\n").errors, ElementsAre(HasSubstr("not YAML: ")));
  EXPECT_THAT(
      Parse("a: 1\n  b: 2\n").errors,
      ElementsAre(
          "f:2:4: not YAML: illegal map value; this line is indented deeper than line 1, which has a value "
          "already"));
  EXPECT_THAT(Parse("a: *nowhere\n").errors, ElementsAre(HasSubstr("f:1:4: not YAML: ")));
}

TEST(Node, OnlyOneDocumentIsRead) {
  EXPECT_THAT(Parse("---\na: 1\n...\n").errors, IsEmpty());
  EXPECT_THAT(Parse("a: 1\n---\nb: 2\n").errors,
              ElementsAre("f:2:1: a second document begins; expected one document in the file"));
  EXPECT_THAT(Parse("---\n---\na: 1\n").errors, ElementsAre(HasSubstr("f:2:1: a second document begins")));
}

TEST(Node, NothingBehindTheLastMarkIsNoSecondDocument) {
  for (const char* text :
       {"a: 1\n---\n", "a: 1\n---", "a: 1\n---\n# the end\n\n", "---\na: 1\n---\n---\n...\n"}) {
    const Parsed parsed = Parse(text);
    EXPECT_THAT(parsed.errors, IsEmpty()) << text;
    ASSERT_NE(parsed.document, nullptr) << text;
    EXPECT_EQ(At(*parsed.document->root, "a").text, "1") << text;
  }
  EXPECT_THAT(Parse("a: 1\n---\n# more\n---\nb: 2\n").errors,
              ElementsAre(HasSubstr("a second document begins")));
}

TEST(Node, ControlCharactersAndBrokenUtf8AreRefusedAtTheirPlace) {
  using namespace std::string_view_literals;
  EXPECT_THAT(Parse("a: 1\nb: \0"sv).errors,
              ElementsAre("f:2:4: control character 0x00; expected UTF-8 text"));
  EXPECT_THAT(Parse("a: \x04 b: 1"sv).errors,
              ElementsAre("f:1:4: control character 0x04; expected UTF-8 text"));
  EXPECT_THAT(Parse("ä: \xff"sv).errors, ElementsAre("f:1:4: byte 0xff is not UTF-8; expected UTF-8 text"));
  for (const std::string_view bad :
       {"\xc0\x80"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "\xe2\x82"sv, "\x80"sv}) {
    EXPECT_THAT(Parse(bad).errors, ElementsAre(HasSubstr("is not UTF-8")));
  }
  EXPECT_THAT(Parse("a: \"\\0\"\n").errors, ElementsAre("f:1:4: a: control character 0x00 in text"));
  EXPECT_THAT(Parse("a: \"\xf0\x9f\x9a\xa2 \xc3\xa4\"\n").errors, IsEmpty());
}

TEST(Node, AliasesShareWhatTheyName) {
  const Parsed parsed = Parse("a: &x { b: 1 }\nc: *x\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  EXPECT_EQ(&At(*parsed.document->root, "a"), &At(*parsed.document->root, "c"));
}

TEST(Node, AnAliasInsideWhatItNamesIsRefused) {
  EXPECT_THAT(Parse("a: &x [ 1, *x ]\n").errors,
              ElementsAre("f:1:12: a[1]: the alias is inside the value that it names; expected an alias of a "
                          "value that ends before it"));
}

TEST(Node, AliasesThatMultiplyAreRefused) {
  std::string text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "" : ",") + last;
    text += "]\n";
  }
  EXPECT_THAT(Parse(text).errors, ElementsAre(HasSubstr("aliases make the file too large")));
}

TEST(Node, MergeKeysFillInWhatIsMissing) {
  const Parsed parsed =
      Parse("d: &d { a: 1, b: 2 }\ne: &e { b: 3, c: 4 }\nx: { <<: [*d, *e], a: 9 }\ny: { <<: *d }\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const Node& x = At(*parsed.document->root, "x");
  ASSERT_EQ(x.keys.size(), 3u);
  EXPECT_EQ(At(x, "a").text, "9");
  EXPECT_EQ(At(x, "b").text, "2");
  EXPECT_EQ(At(x, "c").text, "4");
  EXPECT_EQ(At(At(*parsed.document->root, "y"), "a").text, "1");
  EXPECT_THAT(Parse("a: { <<: 1 }\n").errors,
              ElementsAre("f:1:6: a.<<: only maps can be merged; expected an alias of "
                          "a map"));
}

TEST(Node, MergesThatMultiplyAreRefused) {
  std::string text = "m: &m { a: 1, b: 2, c: 3, d: 4 }\n";
  for (int i = 0; i < 30; ++i) text += "m" + std::to_string(i) + ": { <<: *m }\n";
  EXPECT_THAT(Parse(text).errors, IsEmpty());
  EXPECT_THAT(Parse(text, {.nodes = 110}).errors,
              ElementsAre(HasSubstr("merges make the file too large; expected at most 110 values")));
}

TEST(Node, DepthIsBounded) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_THAT(Parse(nested(60)).errors, IsEmpty());
  EXPECT_THAT(Parse(nested(70)).errors,
              ElementsAre(HasSubstr("nested too deeply; expected at most 64 levels")));
  EXPECT_THAT(Parse(std::string(100'000, '[')).errors, ElementsAre(HasSubstr("nested too deeply")));
}

TEST(Node, SizeIsBounded) {
  EXPECT_THAT(Parse(std::string((16 << 20) + 1, ' ')).errors,
              ElementsAre("f: the file is too large; expected at most 16MiB"));
  const std::string list = "a: [1, 2, 3, 4, 5, 6, 7]";  // a map, a key, a list and its elements
  EXPECT_THAT(Parse(list, {.nodes = 10}).errors, IsEmpty());
  EXPECT_THAT(Parse(list, {.nodes = 9}).errors,
              ElementsAre("f:1:23: a[6]: the file has too many values; expected at most 9 values"));
}

TEST(Node, AQuoteThatIsNeverClosedIsAnError) {
  for (const char* text : {"a: \"b\n", "a: 'b\n", "a: \"b\nc: 1\n\n", "a: \"b \n \t\r\n", "\"a\": \"\n"}) {
    EXPECT_THAT(Parse(text).errors, ElementsAre(HasSubstr("not YAML: the file ends inside quotes"))) << text;
  }
}

TEST(Node, TagsAndKeysThatAreNoTextAreRefused) {
  EXPECT_THAT(Parse("a: !!int 5\n").errors,
              ElementsAre("f:1:4: a: tags are not supported; expected a plain value"));
  EXPECT_THAT(Parse("? {a: b}\n: c\n").errors,
              ElementsAre(HasSubstr("a key is not plain text; expected a name and a colon")));
}

}  // namespace
}  // namespace hawser::config
