// The loader and the JSON Schema get the same values, field by field: an editor must not accept what `hawser
// check` refuses, nor mark what it accepts.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/core_schema.h"
#include "config/describe.h"
#include "config/json_schema.h"
#include "config/leaf.h"
#include "config/load.h"
#include "config/schema.h"
#include "gtest/gtest.h"
#include "tests/unit/config/schema_validator.h"

namespace hawser::config::schema_agreement_test {
namespace {

// A value as a file has it, and as YAML's core schema reads it.
struct Sample {
  std::string yaml;
  Json json;
};

Sample Quoted(std::string text) {
  return {"'" + text + "'", text};
}

std::vector<Sample> Samples() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<Sample> samples = {{"true", true},
                                 {"True", true},
                                 {"TRUE", true},
                                 {"false", false},
                                 {"False", false},
                                 {"FALSE", false},
                                 {"~", nullptr},
                                 {"null", nullptr},
                                 {"Null", nullptr},
                                 {"NULL", nullptr},
                                 {"", nullptr},
                                 {"0", 0},
                                 {"+0", 0},
                                 {"-0", 0},
                                 {"0x0", 0},
                                 {"0o0", 0},
                                 {"0.0", 0.0},
                                 {".0", 0.0},
                                 {"-0.0", -0.0},
                                 {"0e5", 0.0},
                                 {"1", 1},
                                 {"+1", 1},
                                 {"-1", -1},
                                 {"01", 1},
                                 {"1.0", 1.0},
                                 {"1.", 1.0},
                                 {"1e2", 100.0},
                                 {"100", 100},
                                 {"+100", 100},
                                 {"0x64", 100},
                                 {"0o144", 100},
                                 {"1.5", 1.5},
                                 {".5", 0.5},
                                 {"-.5", -0.5},
                                 {"+.25e0", 0.25},
                                 {"302", 302},
                                 {"304", 304},
                                 {"502", 502},
                                 {"0x1F6", 502},
                                 {"503.0", 503.0},
                                 {"0x12D", 301},
                                 {"65536", 65536},
                                 {"4294967296", 4294967296.0},
                                 {"1e300", 1e300},
                                 {".inf", kInfinity},
                                 {"-.INF", -kInfinity},
                                 {".NaN", std::numeric_limits<double>::quiet_NaN()},
                                 {"[]", Json::array()},
                                 {"{}", Json::object()},
                                 {"[ 1 ]", Json::array({1})}};
  for (const char* text : {"yes",
                           "on",
                           "off",
                           "no",
                           "0X64",
                           "0o9",
                           "0b1",
                           "1_000",
                           "1e",
                           "text",
                           "a.b",
                           "chat.v2",
                           "*",
                           "/a",
                           "/a?b",
                           "/",
                           "a b",
                           "-",
                           "30s",
                           "1h30m",
                           "500ms",
                           "0s",
                           "30",
                           "502",
                           "0",
                           "+0",
                           "1.5s",
                           "64KiB",
                           "1MB",
                           "100",
                           "0x64",
                           "64K",
                           "20/s",
                           "0.5/m",
                           "5/h",
                           "1/d",
                           "0/s",
                           "1MiB/s",
                           "true",
                           "False",
                           "null",
                           "~",
                           "1.5",
                           ".inf",
                           "http://a.b",
                           "same-host",
                           "https://*.example.com:8443",
                           "example.com:8443",
                           "[::1]:8443",
                           "(",
                           "^/a$",
                           "\\1",
                           "TLSv1.2",
                           "source_ip",
                           "127.0.0.1:80",
                           "127.0.0.1:0",
                           "127.0.0.1:00080",
                           "127.0.0.1:65535",
                           "127.0.0.1:65536",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "256.0.0.1:80",
                           "01.2.3.4:80",
                           "1.2.3:80",
                           "localhost:80",
                           "rooms.internal:9000",
                           "rooms.internal.:9000",
                           "rooms.internal",
                           "_ws._tcp.rooms.internal",
                           "my_service:65536",
                           "a-.b:1",
                           "-a:1",
                           "a..b:1",
                           "10.1:80",
                           "1-a-1:80",
                           "0x7f:80",
                           "1.2.3.4.",
                           "unix:80",
                           "::1:80",
                           "[::]:443",
                           "[1:2:3:4:5:6:7:8]:1",
                           "[1:2:3:4:5:6:7::]:1",
                           "[::2:3:4:5:6:7:8]:1",
                           "[1::3:4:5:6:7:8]:1",
                           "[1:2:3:4:5:6:7]:1",
                           "[1::2::3]:1",
                           "[::ffff:192.0.2.1]:1",
                           "[1:2:3:4:5:6:1.2.3.4]:1",
                           "[1:2:3:4:5:6:7:1.2.3.4]:1",
                           "[12345::]:1",
                           "[::1%lo]:1",
                           "[127.0.0.1]:1",
                           "[::1]",
                           "unix:/run/a.sock",
                           "unix:@a",
                           "unix:",
                           "10.0.0.0/8",
                           "10.0.0.0/33",
                           "10.0.0.0/",
                           "2001:db8::/32",
                           "2001:db8::/129",
                           "::/0",
                           "::1/128",
                           "192.0.2.7",
                           "192.0.2.7/032",
                           "::1"}) {
    samples.push_back(Quoted(text));
  }
  samples.push_back(Quoted(""));
  samples.push_back(Quoted(std::string(32, 'k')));
  samples.push_back(Quoted("0123456789abcdef0123456789abcd\u00e9"));  // 32 bytes, 31 characters
  samples.push_back(Quoted("short\u00e9"));
  samples.push_back(Quoted(std::string(63, 'n') + ".internal:1"));
  samples.push_back(Quoted(std::string(64, 'n') + ".internal:1"));
  samples.push_back(Quoted("0" + std::string(62, 'n')));
  samples.push_back(Quoted("0-" + std::string(62, '0')));
  samples.push_back(Quoted("unix:" + std::string(107, 'p')));
  samples.push_back(Quoted("unix:" + std::string(108, 'p')));
  samples.push_back(Quoted("/" + std::string(300, 'p')));
  return samples;
}

// The fault that the loader finds, if any.
std::optional<std::string> FaultOf(const std::string& yaml, const ValueSpec& leaf, void* value) {
  Diagnostics errors("f");
  const std::unique_ptr<Document> document = ParseYaml("v: " + yaml + "\n", errors);
  EXPECT_NE(document, nullptr) << yaml;
  const Node& node = *document->root->children[0];
  if (auto fault = NotAValue(node)) return fault;
  return leaf.leaf->parse(node, leaf.rules.get(), value);
}

bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Errors that no regular expression can find: the schema accepts these values, the loader does not.
bool OnlyTheLoaderSees(const std::string& fault, const Sample& sample) {
  if (!sample.json.is_string()) return false;
  return fault.ends_with("is out of range") || fault.find("does not compile") != std::string::npos ||
         (fault.starts_with("has ") && !IsAscii(sample.yaml)) ||
         fault.find("bits set behind its prefix") != std::string::npos;
}

// The numbers at the ends of a range and beyond them, however they are written.
void AddBounds(const Json& schema, std::vector<Sample>& samples) {
  const auto add = [&samples](uint64_t value) {
    samples.push_back({fmt::format("{}", value), value});
    samples.push_back({fmt::format("+{}", value), value});
    samples.push_back({fmt::format("0x{:x}", value), value});
    samples.push_back({fmt::format("0o{:o}", value), value});
    samples.push_back(Quoted(fmt::format("{}", value)));
  };
  const auto min = schema.at("minimum").get<uint64_t>();
  const auto max = schema.at("maximum").get<uint64_t>();
  add(min);
  add(max);
  if (min > 0) add(min - 1);
  if (max < std::numeric_limits<uint64_t>::max()) add(max + 1);
}

// Asks for every value of a leaf. `value` is one of its type. Returns how many.
int Ask(const std::string& path, const ValueSpec& leaf, void* value) {
  const Json schema = leaf.leaf->schema(leaf.rules.get());
  std::vector<Sample> samples = Samples();
  if (schema.contains("enum")) {
    for (const Json& word : schema.at("enum"))
      samples.push_back({word.is_string() ? word.get<std::string>() : word.dump(), word});
  }
  if (schema.contains("type") && schema.at("type") == "integer") AddBounds(schema, samples);
  for (const Sample& sample : samples) {
    const std::optional<std::string> fault = FaultOf(sample.yaml, leaf, value);
    if (fault && OnlyTheLoaderSees(*fault, sample)) continue;
    EXPECT_EQ(!fault, SchemaValidator::Fits(sample.json, schema))
        << path << ": " << sample.yaml << ": the loader says: " << fault.value_or("nothing");
  }
  return static_cast<int>(samples.size());
}

// Likewise for all that is in a value.
int AskAll(const std::string& path, const ValueSpec& spec, void* value) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf: return Ask(path, spec, value);
    case ValueSpec::Kind::kOptional: return AskAll(path, *spec.inner, spec.optional->emplace(value));
    case ValueSpec::Kind::kList: return AskAll(path + "[]", *spec.inner, spec.list->make_entry().get());
    case ValueSpec::Kind::kMap: break;
  }
  int asked = 0;
  for (const FieldSpec& field : spec.map->fields) {
    asked += AskAll(fmt::format("{}.{}", path, field.key.name), field.value, field.In(value));
  }
  return asked;
}

TEST(SchemaAgreement, OnEveryValueOfEveryField) {
  Config config;
  EXPECT_GT(AskAll("", ValueOf<Config>::Make({}), &config), 10'000);
}

TEST(SchemaAgreement, OnWhatIsNeeded) {
  const Json schema = JsonSchema();
  const auto agree = [&schema](const std::string& file, bool right) {
    const Loaded loaded = LoadText(file, "f.yaml", {.check_files = false});  // JSON is YAML
    EXPECT_EQ(loaded.ok(), right) << file;
    EXPECT_EQ(SchemaValidator::Fits(Json::parse(file), schema), right) << file;
  };
  const std::string listeners = R"("listeners": [ { "name": "a", "address": "127.0.0.1:1" } ])";
  const std::string clusters = R"("clusters": [ { "name": "c", "endpoints": [ "127.0.0.1:2" ] } ])";
  const std::string answer = R"({ "match": { "path": "/x" }, "direct_response": { "status": 200 } })";
  const std::string redirect = R"({ "match": { "path": "/y" }, "redirect": { "scheme": "https" } })";
  const std::string forward = R"({ "match": {}, "cluster": "c" })";
  const std::string share = R"({ "match": { "path": "/z" }, "weighted_clusters": [ { "name": "c" } ] })";
  const auto routes = [](const std::string& list) { return R"("routes": [ )" + list + " ]"; };
  agree("{ " + listeners + ", " + routes(answer + ", " + redirect) + " }", true);
  agree("{ " + listeners + ", " + routes(answer) + R"(, "clusters": [] })", true);
  agree("{ " + listeners + ", " + routes(answer + ", " + forward) + ", " + clusters + " }", true);
  agree("{ " + listeners + ", " + routes(answer + ", " + forward) + " }", false);
  agree("{ " + listeners + ", " + routes(share) + " }", false);
  agree("{ " + listeners + ", " + routes(forward) + R"(, "clusters": [] })", false);
  agree("{ " + listeners + ", " + clusters + " }", false);
  agree("{ " + routes(answer) + " }", false);
}

// YAML reads no word of an enum as another type.
TEST(SchemaAgreement, NoWordOfAnEnumNeedsQuotes) {
  const auto walk = [](const auto& self, const Json& part) -> void {
    if (part.is_object() && part.contains("enum") && part.at("enum").is_array()) {
      for (const Json& word : part.at("enum")) {
        EXPECT_TRUE(!word.is_string() || IsCoreText(word.get<std::string>())) << word;
      }
    }
    if (!part.is_structured()) return;
    for (const Json& below : part) self(self, below);
  };
  walk(walk, JsonSchema());
}

}  // namespace
}  // namespace hawser::config::schema_agreement_test
