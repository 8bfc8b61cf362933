// UTF-8 handling: Autobahn's section 6. Its sequences are those of Markus Kuhn's UTF-8 stress test.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/integration/harness/conformance.h"

namespace hawser::integration {
namespace {

using Cases = std::vector<ConformanceCase>;

const std::string kHello = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!";
const std::string kKosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
const std::string kSurrogate = kKosme + "\xed\xa0\x80" + "edited";

TEST_F(Conformance, Section6TextInFragments) {
  Expect(Cases{
      {"6.1.1", TextFrame(""), {"text "}},
      {"6.1.2", TextFrame("", false) + MoreFrame("", false) + MoreFrame(""), {"text "}},
      {"6.1.3",
       TextFrame("", false) + MoreFrame("middle frame payload", false) + MoreFrame(""),
       {"text middle frame payload"}},
      {"6.2.1", TextFrame(kHello), {"text " + kHello}},
      {"6.2.2", Fragments(kText, kHello, 12), {"text " + kHello}},
      {"6.2.3", Fragments(kText, kHello, 1), {"text " + kHello}},
      {"6.2.4", Fragments(kText, kKosme, 1), {"text " + kKosme}},
      {"6.3.1", TextFrame(kSurrogate), {}, 1007},
      {"6.3.2", Fragments(kText, kSurrogate, 1), {}, 1007},
  });
}

// 6.4: the connection must fail at the first byte that no valid text can have there, though the message goes
// on.
TEST_F(Conformance, Section6FailsAsSoonAsTextIsWrong) {
  const std::string head = kKosme;
  struct Split {
    const char* id;
    std::string begin;  // valid so far
    std::string wrong;
  };
  for (const Split& split : {Split{"6.4.1", head, "\xf4\x90\x80\x80"}, Split{"6.4.2", head + "\xf4", "\x90"},
                             Split{"6.4.3", head, "\xf4\x90"}, Split{"6.4.4", head + "\xf4", "\x90"}}) {
    const bool fragments = split.id[4] <= '2';
    SCOPED_TRACE(split.id);
    Wire client = Join(address());
    const size_t whole = split.begin.size() + split.wrong.size() + 6;  // a rest that never comes
    if (fragments) {
      client.Send(TextFrame(split.begin, false));
      client.Send(MoreFrame(split.wrong, false));
    } else {
      client.Send(EncodeHead({.opcode = kText}, whole, true) + Masked(split.begin));
      client.Send(Masked(split.wrong, kSomeMask, split.begin.size()));
    }
    Frame frame = ReadFrame(client);
    while (!frame.ended() && frame.opcode != kClose)
      frame = ReadFrame(client);  // the echo of the first fragment
    EXPECT_EQ(frame.close_code(), 1007);
  }
}

struct Group {
  const char* what;
  bool valid;
  std::vector<std::string> sequences;
};

std::vector<std::string> Prefixes(const std::string& text, bool whole_characters) {
  std::vector<std::string> prefixes;
  for (size_t size = 1; size <= text.size(); ++size) {
    const bool whole = size == text.size() || (text[size] & 0xc0) != 0x80;
    if (whole == whole_characters) prefixes.push_back(text.substr(0, size));
  }
  return prefixes;
}

// Bytes first to last, each followed by `behind`.
std::vector<std::string> Each(int first, int last, const std::string& behind) {
  std::vector<std::string> all;
  for (int byte = first; byte <= last; ++byte)
    all.push_back(std::string(1, static_cast<char>(byte)) + behind);
  return all;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

// With their number in Autobahn's list.
std::vector<Group> Groups() {
  const std::string nul(1, '\0');
  const std::vector<std::string> cut = {
      "\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
      "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"};
  return {
      {"6.5 valid text",
       true,
       {kKosme, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 and ASCII", "hello\x24world",
        "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world"}},
      {"6.6 prefixes that end inside a character", false, Prefixes(kKosme, false)},
      {"6.6 prefixes that end behind one", true, Prefixes(kKosme, true)},
      {"6.7 first of each length", true, {nul, "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}},
      {"6.8 first of lengths that are no more", false, {"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
      {"6.9 last of each length", true, {"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}},
      {"6.10 last of lengths that are no more",
       false,
       {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
      {"6.11 other boundaries", true, {"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}},
      {"6.11 beyond the last", false, {"\xf4\x90\x80\x80"}},
      {"6.12 continuation bytes alone",
       false,
       {"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80",
        "\x80\xbf\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf\x80", Joined(Each(0x80, 0xbf, ""))}},
      {"6.13 lead bytes alone",
       false,
       {Joined(Each(0xc0, 0xdf, " ")), Joined(Each(0xe0, 0xef, " ")), Joined(Each(0xf0, 0xf7, " ")),
        Joined(Each(0xf8, 0xfb, " ")), Joined(Each(0xfc, 0xfd, " "))}},
      {"6.14 the last continuation byte missing", false, cut},
      {"6.15 all of those together", false, {Joined(cut)}},
      {"6.16 impossible bytes", false, {"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
      {"6.17 overlong ASCII",
       false,
       {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"}},
      {"6.18 the largest overlong",
       false,
       {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"}},
      {"6.19 overlong NUL",
       false,
       {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"}},
      {"6.20 single surrogates",
       false,
       {"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80",
        "\xed\xbf\xbf"}},
      {"6.21 paired surrogates",
       false,
       {"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80",
        "\xed\xad\xbf\xed\xbf\xbf", "\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf",
        "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"}},
      {"6.22 code points that are no characters",
       true,
       {"\xef\xbf\xbe",     "\xef\xbf\xbf",     "\xf0\x9f\xbf\xbe", "\xf0\x9f\xbf\xbf", "\xf0\xaf\xbf\xbe",
        "\xf0\xaf\xbf\xbf", "\xf0\xbf\xbf\xbe", "\xf0\xbf\xbf\xbf", "\xf1\x8f\xbf\xbe", "\xf1\x8f\xbf\xbf",
        "\xf1\x9f\xbf\xbe", "\xf1\x9f\xbf\xbf", "\xf1\xaf\xbf\xbe", "\xf1\xaf\xbf\xbf", "\xf1\xbf\xbf\xbe",
        "\xf1\xbf\xbf\xbf", "\xf2\x8f\xbf\xbe", "\xf2\x8f\xbf\xbf", "\xf2\x9f\xbf\xbe", "\xf2\x9f\xbf\xbf",
        "\xf2\xaf\xbf\xbe", "\xf2\xaf\xbf\xbf", "\xf2\xbf\xbf\xbe", "\xf2\xbf\xbf\xbf", "\xf3\x8f\xbf\xbe",
        "\xf3\x8f\xbf\xbf", "\xf3\x9f\xbf\xbe", "\xf3\x9f\xbf\xbf", "\xf3\xaf\xbf\xbe", "\xf3\xaf\xbf\xbf",
        "\xf3\xbf\xbf\xbe", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbe", "\xf4\x8f\xbf\xbf"}},
      {"6.23 specials",
       true,
       {"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe",
        "\xef\xbf\xbf"}},
  };
}

TEST_F(Conformance, Section6EverySequence) {
  for (const Group& group : Groups()) {
    for (size_t i = 0; i < group.sequences.size(); ++i) {
      const std::string& text = group.sequences[i];
      const std::vector<std::string> echo =
          group.valid ? std::vector{"text " + text} : std::vector<std::string>();
      const uint16_t code = group.valid ? 1000 : 1007;
      Expect({fmt::format("{}, {}", group.what, i + 1), TextFrame(text), echo, code});
      Expect(
          {fmt::format("{}, {}, byte by byte", group.what, i + 1), Fragments(kText, text, 1), echo, code, 1});
    }
  }
}

}  // namespace
}  // namespace hawser::integration
