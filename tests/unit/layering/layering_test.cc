// Rules that a compiler does not check, tested on the source tree: a layer includes, names and links only
// layers before it in the list; its namespace is hawser::<layer>; there are no other folders.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "re2/re2.h"

namespace hawser {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Faults = std::vector<std::string>;

// From the ground up, as CMakeLists.txt has them; main is proxy/main.cc and command_line.
const std::vector<std::string> kLayers = [] {
  std::istringstream names(HAWSER_LAYERS " main");
  return std::vector<std::string>(std::istream_iterator<std::string>(names), {});
}();

constexpr auto kTopFolders =
    std::to_array<std::string_view>({"bench", "build", "config", "docs", "filters", "proxy", "tests"});

// Files without a declaration, only macros.
constexpr auto kMacrosOnly = std::to_array<std::string_view>({"proxy/base/status_macros.h"});

template <typename List>
bool Contains(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

size_t Rank(std::string_view layer) {
  return static_cast<size_t>(std::find(kLayers.begin(), kLayers.end(), layer) - kLayers.begin());
}

// The layer that a path from the root belongs to; none outside the three source folders.
std::optional<std::string> LayerOf(std::string_view path) {
  if (path == "proxy/main.cc" || path.starts_with("proxy/command_line.")) return "main";
  const size_t slash = path.find('/');
  const std::string_view top = path.substr(0, slash);
  if (top == "config" || top == "filters") return std::string(top);
  if (top != "proxy" || slash == std::string_view::npos) return std::nullopt;
  const std::string_view rest = path.substr(slash + 1);
  return std::string(rest.substr(0, rest.find('/')));
}

// What is wrong with one #include of a file in `layer`.
std::optional<std::string> IncludeFault(const std::string& layer, const std::string& included) {
  if (included.find('/') == std::string::npos)
    return "includes \"" + included + "\" by a path not from the root";
  if (included.starts_with("tests/") || included.starts_with("bench/"))
    return "includes \"" + included + "\"";
  const auto other = LayerOf(included);
  if (!other) return std::nullopt;  // a library's
  if (Rank(*other) > Rank(layer)) return layer + " includes \"" + included + "\", which stands above it";
  return std::nullopt;
}

std::optional<std::string> NamespaceFault(const std::string& layer, const std::string& name) {
  const std::string own = layer == "main" ? "hawser" : "hawser::" + layer;
  if (name == own || name.starts_with(own + "::")) return std::nullopt;
  if (name != "hawser" && !name.starts_with("hawser::"))
    return std::nullopt;  // of a library, or within our own
  return "opens namespace " + name + ", not " + own;
}

// The faults of a source file, each as "path:line: what".
Faults Check(const std::string& path, const std::string& text) {
  static const re2::RE2 kInclude(R"re(^\s*#\s*include\s+"([^"]+)")re");
  static const re2::RE2 kNamespace(R"(^\s*(?:inline\s+)?namespace\s+([\w:]+)\s*\{)");
  const std::string layer = LayerOf(path).value_or("");
  if (Rank(layer) == kLayers.size()) return {path + ": \"" + layer + "\" is no layer"};
  Faults faults;
  bool named = false;
  std::istringstream lines(text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::string name;
    std::optional<std::string> fault;
    if (re2::RE2::PartialMatch(line, kInclude, &name)) fault = IncludeFault(layer, name);
    if (re2::RE2::PartialMatch(line, kNamespace, &name)) {
      fault = NamespaceFault(layer, name);
      named = named || name.starts_with("hawser");
    }
    if (fault) faults.push_back(path + ":" + std::to_string(number) + ": " + *fault);
  }
  if (!named && layer != "main" && !Contains(kMacrosOnly, path))
    faults.push_back(path + ": opens no namespace");
  return faults;
}

// The libraries that a layer's CMakeLists.txt names.
Faults CheckLinks(const std::string& path, const std::string& text) {
  static const re2::RE2 kLibrary(R"(\bhawser_([a-z0-9]+)\b)");
  const std::string layer = LayerOf(path).value_or("");
  Faults faults;
  re2::StringPiece rest(text);
  for (std::string other; re2::RE2::FindAndConsume(&rest, kLibrary, &other);) {
    if (Rank(other) < kLayers.size() && Rank(other) > Rank(layer)) {
      faults.push_back(path + ": " + layer + " links hawser_" + other + ", which stands above it");
    }
  }
  return faults;
}

std::string ReadFile(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

const fs::path kRoot = HAWSER_SOURCE_DIR;

// Calls visit(path from the root, text) for every file of the source folders that has one of the endings.
template <typename Visit>
size_t ForEachFile(std::initializer_list<std::string_view> endings, Visit visit) {
  size_t count = 0;
  for (const char* top : {"proxy", "config", "filters"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      const std::string path = fs::relative(entry.path(), kRoot).generic_string();
      const bool wanted =
          std::any_of(endings.begin(), endings.end(), [&](auto ending) { return path.ends_with(ending); });
      if (!entry.is_regular_file() || !wanted) continue;
      visit(path, ReadFile(entry.path()));
      ++count;
    }
  }
  return count;
}

TEST(Layering, TheTreeKeepsItsLayersAndNamespaces) {
  Faults faults;
  const size_t files =
      ForEachFile({".h", ".cc"}, [&faults](const std::string& path, const std::string& text) {
        const Faults found = Check(path, text);
        faults.insert(faults.end(), found.begin(), found.end());
      });
  EXPECT_THAT(faults, IsEmpty());
  EXPECT_GT(files, 30U) << "is this the source tree? " << kRoot;
}

TEST(Layering, NoLibraryLinksWhatStandsAboveIt) {
  Faults faults;
  ForEachFile({"CMakeLists.txt"}, [&faults](const std::string& path, const std::string& text) {
    const Faults found = CheckLinks(path, text);
    faults.insert(faults.end(), found.begin(), found.end());
  });
  EXPECT_THAT(faults, IsEmpty());
}

// clang-format 14 does not break comments at its own limit without breaking their tables too.
TEST(Source, NoCommentIsWiderThanTheCode) {
  constexpr size_t kWidth = 110;  // ColumnLimit in .clang-format
  Faults faults;
  ForEachFile({".h", ".cc"}, [&faults](const std::string& path, const std::string& text) {
    std::istringstream lines(text);
    size_t number = 1;
    for (std::string line; std::getline(lines, line); ++number) {
      if (line.find("//") == std::string::npos || line.find("R\"") != std::string::npos) continue;
      const auto characters =
          std::count_if(line.begin(), line.end(), [](char byte) { return (byte & 0xc0) != 0x80; });
      if (static_cast<size_t>(characters) > kWidth) faults.push_back(path + ":" + std::to_string(number));
    }
  });
  EXPECT_THAT(faults, IsEmpty());
}

TEST(Layering, TheTopOfTheTreeHasOnlyTheFoldersOfTheDesign) {
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name.starts_with('.')) continue;
    EXPECT_TRUE(Contains(kTopFolders, name)) << name;
  }
  for (const auto& entry : fs::directory_iterator(kRoot / "proxy")) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(entry.is_directory() ? LayerOf("proxy/" + name + "/") && Rank(name) < kLayers.size()
                                     : LayerOf("proxy/" + name) == "main")
        << "proxy/" << name;
  }
}

// The name of the class in which each pure virtual method of a source text stands, once a class.
std::vector<std::string> PureVirtualClasses(std::string text) {
  static const re2::RE2 kToken(
      R"re((?:\b(enum\s+)?(?:class|struct)\s+(\w+)[^;{}()]*(\{))|(\{)|(\})|(\)[\w\s]*=\s*0\s*;))re");
  static const re2::RE2 kNoCode(R"re(//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])')re");
  re2::RE2::GlobalReplace(&text, kNoCode, "");
  std::vector<std::string> classes;
  std::vector<std::string> nested;
  re2::StringPiece rest(text);
  std::string enumeration, name, body, open, close, pure;
  while (re2::RE2::FindAndConsume(&rest, kToken, &enumeration, &name, &body, &open, &close, &pure)) {
    if (!body.empty()) {
      nested.push_back(enumeration.empty() ? name : "");
    } else if (!open.empty()) {
      nested.emplace_back();
    } else if (!close.empty()) {
      if (!nested.empty()) nested.pop_back();
    } else if (!nested.empty() && !nested.back().empty() && !Contains(classes, nested.back())) {
      classes.push_back(nested.back());
    }
  }
  return classes;
}

// The names in the first column of the table behind a heading of docs/architecture.md, in backquotes.
std::vector<std::string> TableOf(const std::string& heading) {
  static const re2::RE2 kRow(R"(^\| `([^`]+)` \|)");
  std::istringstream lines(ReadFile(kRoot / "docs/architecture.md"));
  std::vector<std::string> names;
  bool here = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) here = line == heading;
    std::string name;
    if (here && re2::RE2::PartialMatch(line, kRow, &name)) names.push_back(name);
  }
  return names;
}

TEST(Architecture, ListsTheVirtualInterfacesOfTheCode) {
  std::vector<std::string> found;
  ForEachFile({".h", ".cc"}, [&found](const std::string& path, const std::string& text) {
    for (const std::string& name : PureVirtualClasses(text)) {
      found.push_back(*LayerOf(path) + "::" + name);
    }
  });
  EXPECT_THAT(TableOf("## The virtual interfaces"), testing::UnorderedElementsAreArray(found))
      << "another virtual interface needs a reason, and a row in docs/architecture.md";
}

TEST(Architecture, ListsWhatThreadsShare) {
  static const re2::RE2 kShared(R"(\bstd::(atomic|mutex|shared_mutex|condition_variable)\b)");
  const std::vector<std::string> listed = TableOf("## What workers share");
  ForEachFile({".h", ".cc"}, [&listed](const std::string& path, const std::string& text) {
    if (!re2::RE2::PartialMatch(text, kShared)) return;
    const std::string stem = path.substr(0, path.rfind('.')).substr(path.starts_with("proxy/") ? 6 : 0);
    EXPECT_TRUE(Contains(listed, stem))
        << path << " is shared by threads; docs/architecture.md does not say why";
  });
}

TEST(Architecture, ListsTheLayersOfTheBuild) {
  const std::string text = ReadFile(kRoot / "docs/architecture.md");
  EXPECT_THAT(text, HasSubstr("`" HAWSER_LAYERS "` and `main.cc`"));
}

// The attacks of docs/security.md: each names its counters and its tests.
TEST(Security, NamesCountersAndTestsThatExist) {
  static const re2::RE2 kRow(R"(^\|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|$)");
  static const re2::RE2 kCounter("`(hawser_[a-z0-9_]+)");
  static const re2::RE2 kTest("`([A-Za-z0-9]+)(?:\\.([A-Za-z0-9*]+))?`");
  const std::string metrics = ReadFile(kRoot / "docs/metrics.md");
  std::string tests;
  for (const auto& entry : fs::directory_iterator(kRoot / "tests/integration")) {
    if (entry.path().extension() == ".cc") tests += ReadFile(entry.path());
  }
  std::istringstream lines(ReadFile(kRoot / "docs/security.md"));
  bool here = false;
  int rows = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) here = line == "## Attacks";
    std::string counters, named, name, second;
    if (!here || !re2::RE2::FullMatch(line, kRow, &counters, &named)) continue;
    re2::StringPiece rest(counters);
    if (!re2::RE2::PartialMatch(counters, kCounter)) continue;  // the heading, or "the same"
    ++rows;
    while (re2::RE2::FindAndConsume(&rest, kCounter, &name)) EXPECT_THAT(metrics, HasSubstr(name));
    rest = named;
    EXPECT_TRUE(re2::RE2::PartialMatch(named, kTest)) << line;
    while (re2::RE2::FindAndConsume(&rest, kTest, &name, &second)) {
      const std::string sought = second.empty()  ? '"' + name + '"'
                                 : second == "*" ? '(' + name + ','
                                                 : second;
      EXPECT_THAT(tests, HasSubstr(sought));
    }
  }
  EXPECT_GE(rows, 14);
}

// The rules themselves can fail.

TEST(LayeringRules, APureVirtualMethodMakesItsClassAnInterface) {
  EXPECT_THAT(
      PureVirtualClasses("class A {\n  enum class E : int {\n kX };\n struct S { int x = 0; };\n"
                         "  virtual void F(int a = 0) const = 0;\n  virtual int G() = 0;  // {\n};\n"
                         "class B final : public A {\n  void F(int) const override;\n  int y = 0;\n};\n"),
      ElementsAre("A"));
  EXPECT_THAT(PureVirtualClasses("class A;\nstruct B {\n  void F() { if (x) { y(\"}\"); } }\n"
                                 "  virtual Result\n      G(int) noexcept = 0;\n};\n"),
              ElementsAre("B"));
}

TEST(LayeringRules, AnIncludeThatClimbsIsAFault) {
  EXPECT_THAT(Check("proxy/net/a.cc", "#include \"proxy/tls/context.h\"\nnamespace hawser::net {\n"),
              ElementsAre("proxy/net/a.cc:1: net includes \"proxy/tls/context.h\", which stands above it"));
  EXPECT_THAT(Check("config/a.h", "namespace hawser::config {\n}\n  #  include \"filters/filter.h\"\n"),
              ElementsAre(HasSubstr("config/a.h:3")));
  EXPECT_THAT(Check("filters/a.h", "#include \"tests/fakes/x.h\"\nnamespace hawser::filters {\n"),
              ElementsAre(HasSubstr("tests/fakes/x.h")));
  EXPECT_THAT(Check("proxy/net/a.cc", "#include \"a.h\"\nnamespace hawser::net {\n"),
              ElementsAre(HasSubstr("not from the root")));
}

TEST(LayeringRules, AnIncludeThatDescendsIsNone) {
  EXPECT_THAT(Check("proxy/session/a.cc",
                    "#include \"filters/chain.h\"\n#include \"proxy/base/hash.h\"\n"
                    "#include \"proxy/session/a.h\"\n#include \"absl/status/status.h\"\n"
                    "#include <vector>\nnamespace hawser::session {\nnamespace {\n"),
              IsEmpty());
  EXPECT_THAT(Check("proxy/main.cc", "#include \"proxy/demo/demo.h\"\nint main() {}\n"), IsEmpty());
}

TEST(LayeringRules, AForeignNamespaceIsAFault) {
  EXPECT_THAT(Check("proxy/net/a.h", "namespace hawser::event {\nclass Loop;\n}\nnamespace hawser::net {\n"),
              ElementsAre(HasSubstr("proxy/net/a.h:1: opens namespace hawser::event")));
  EXPECT_THAT(Check("proxy/http/a.h", "namespace hawser::http2 {\n"),
              ElementsAre(HasSubstr("hawser::http2")));
  EXPECT_THAT(Check("proxy/net/a.h", "namespace hawser {\n"),
              ElementsAre(HasSubstr("opens namespace hawser,")));
  EXPECT_THAT(Check("proxy/net/a.h", "class Loose;\n"), ElementsAre(HasSubstr("opens no namespace")));
  EXPECT_THAT(Check("proxy/net/a.h", "namespace re2 {\nclass RE2;\n}\nnamespace hawser::net::detail {\n"),
              IsEmpty());
}

TEST(LayeringRules, AFolderThatIsNoLayerIsAFault) {
  EXPECT_THAT(Check("proxy/util/a.h", "namespace hawser::util {\n"),
              ElementsAre(HasSubstr("\"util\" is no layer")));
}

TEST(LayeringRules, ALinkThatClimbsIsAFault) {
  EXPECT_THAT(CheckLinks("proxy/net/CMakeLists.txt", "hawser_library(net DEPENDS hawser_event hawser_tls)"),
              ElementsAre(HasSubstr("net links hawser_tls")));
  EXPECT_THAT(CheckLinks("filters/CMakeLists.txt", "hawser_library(filters DEPENDS hawser_route)"),
              IsEmpty());
}

}  // namespace
}  // namespace hawser
