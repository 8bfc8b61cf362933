// What is made from the description of the fields: the dump, the JSON Schema and the reference.
#include <fstream>
#include <sstream>
#include <string>

#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include "config/dump.h"
#include "config/json_schema.h"
#include "config/load.h"
#include "config/reference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using Json = nlohmann::ordered_json;

Loaded LoadSample() {
  return LoadText(SampleYaml(), "hawser.yaml", {.check_files = false});
}

TEST(Dump, HasDefaultsAndWhatTheFileSays) {
  const Loaded loaded = LoadSample();
  ASSERT_TRUE(loaded.ok());
  const Json dump = Dump(*loaded.config);
  EXPECT_EQ(dump["drain"]["window"], "30s");
  EXPECT_EQ(dump["listeners"][1]["limits"]["connection_rate_per_ip"]["rate"], "20/s");
  EXPECT_EQ(dump["listeners"][0]["limits"]["request_head"], "64KiB");
  EXPECT_EQ(dump["listeners"][1]["tls"]["max_version"], "TLSv1.3");
  EXPECT_EQ(dump["routes"][1]["name"], "*/*#f5be4b63e6a0");
  EXPECT_EQ(dump["routes"][1]["websocket"]["keepalive"]["interval"], "30s");
  EXPECT_EQ(dump["clusters"][1]["endpoints"][0]["address"], "unix:/run/rooms.sock");
  EXPECT_FALSE(dump["listeners"][0].contains("tls"));
}

TEST(Dump, HasDefaultsThatDependOnOtherFields) {
  const std::string file = R"(
drain: { window: 90s }
listeners:
- { name: a, address: 127.0.0.1:1 }
- { name: b, address: 127.0.0.1:2, tls: { certificates: [ { certificate: a.crt, private_key: a.key } ] } }
routes:
- match: { path: /strict }
  cluster: c
  websocket:
    message_rate: { from_client: { rate: 90/m }, from_backend: { rate: 0.1/s } }
    byte_rate: { from_client: { rate: 64KiB/s }, from_backend: { rate: 1MB/s, burst: 5 } }
- { match: { path: /lenient }, listeners: [ b ], cluster: c, websocket: { inspection: lenient } }
- { match: { path: /off }, cluster: c, websocket: { inspection: off } }
clusters:
- name: c
  lb_policy: maglev
  affinity: { cookie: { keys: [ "0123456789abcdef0123456789abcdef" ] } }
  endpoints: [ 127.0.0.1:3 ]
)";
  const auto dump_of = [](const std::string& text) {
    const Loaded loaded = LoadText(text, "f.yaml", {.check_files = false});
    EXPECT_TRUE(loaded.ok()) << Render(loaded.errors[0]);
    return loaded.ok() ? Dump(*loaded.config) : Json();
  };
  const Json dump = dump_of(file);
  EXPECT_EQ(dump["drain"]["deadline"], "2m");
  EXPECT_THAT(dump["listeners"][1]["tls"]["ciphers"].get<std::string>(), testing::StartsWith("ECDHE-"));
  const Json& websocket = dump["routes"][0]["websocket"];
  EXPECT_EQ(websocket["message_rate"]["from_client"]["burst"], 2);
  EXPECT_EQ(websocket["message_rate"]["from_backend"]["burst"], 1);
  EXPECT_EQ(websocket["byte_rate"]["from_client"]["burst"], "64KiB");
  EXPECT_EQ(websocket["byte_rate"]["from_backend"]["burst"], "5");
  EXPECT_EQ(websocket["validate_utf8"], true);
  EXPECT_EQ(dump["routes"][0]["listeners"], Json::array()) << "all of them, also those that a reload adds";
  EXPECT_EQ(dump["routes"][1]["listeners"], Json::array({"b"}));
  EXPECT_EQ(dump["routes"][1]["websocket"]["validate_utf8"], false);
  EXPECT_EQ(dump["routes"][2]["websocket"]["validate_utf8"], false);
  const Json& cluster = dump["clusters"][0];
  EXPECT_EQ(cluster["hash_policy"], Json::array({{{"source_ip", true}}}));
  EXPECT_FALSE(cluster["affinity"]["cookie"].contains("secure")) << "the connection decides";
  const std::string first = "- { name: a, address: 127.0.0.1:1 }\n";
  std::string all_tls = file;
  all_tls.replace(all_tls.find(first), first.size(), "");
  EXPECT_EQ(dump_of(all_tls)["clusters"][0]["affinity"]["cookie"]["secure"], true);
}

TEST(Dump, HasWhatTheFileSaysInPlaceOfADefaultThatDependsOnOtherFields) {
  const Loaded loaded = LoadText(R"(
drain: { window: 90s, deadline: 90s }
listeners: [ { name: a, address: 127.0.0.1:1 } ]
routes: [ { match: {}, cluster: c, websocket: { inspection: lenient, validate_utf8: true } } ]
clusters: [ { name: c, lb_policy: ring_hash, hash_policy: [ { cookie: x } ], endpoints: [ 127.0.0.1:3 ] } ]
)",
                                 "f.yaml", {.check_files = false});
  ASSERT_TRUE(loaded.ok());
  const Json dump = Dump(*loaded.config);
  EXPECT_EQ(dump["drain"]["deadline"], "1m30s");
  EXPECT_EQ(dump["routes"][0]["websocket"]["validate_utf8"], true);
  EXPECT_EQ(dump["clusters"][0]["hash_policy"].size(), 1u);
  EXPECT_EQ(dump["clusters"][0]["hash_policy"][0]["cookie"], "x");
}

TEST(Dump, NeverHoldsASecret) {
  const Loaded loaded = LoadSample();
  ASSERT_TRUE(loaded.ok());
  const Json dump = Dump(*loaded.config);
  EXPECT_EQ(dump["clusters"][0]["affinity"]["cookie"]["keys"], Json::array({"[redacted]"}));
  EXPECT_EQ(dump.dump().find("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(dump["listeners"][1]["tls"]["certificates"][0]["private_key"], "server.key");
}

TEST(Dump, HidesTheValuesOfFieldsThatAreNamedLikeCredentials) {
  const auto value_of = [](const std::string& name) {
    const Loaded loaded = LoadText(
        "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes:\n- match: { headers: [ { name: " + name +
            ", exact: s3cret } ] }\n  direct_response: { status: 200, headers: [ { name: " + name +
            ", value: s3cret } ] }\n",
        "f.yaml");
    EXPECT_TRUE(loaded.ok());
    const Json route = Dump(*loaded.config)["routes"][0];
    const Json value = route["direct_response"]["headers"][0]["value"];
    EXPECT_EQ(route["match"]["headers"][0]["exact"], value);
    return value.get<std::string>();
  };
  for (const char* name : {"Authorization", "proxy-authorization", "COOKIE", "Set-Cookie", "X-Api-Key",
                           "X-Auth-TOKEN", "client-secret", "api_key"}) {
    EXPECT_EQ(value_of(name), "[redacted]") << name;
  }
  for (const char* name : {"X-Tier", "X-Keys", "Monkey", "Cookie-Policy", "Authorization-Mode"}) {
    EXPECT_EQ(value_of(name), "s3cret") << name;
  }
}

// Every map of the schema, wherever it stands.
void ForEachMap(const Json& schema, const auto& visit) {
  if (schema.is_object() && schema.value("type", Json()) == "object") visit(schema);
  if (!schema.is_structured()) return;
  for (const Json& part : schema) ForEachMap(part, visit);
}

TEST(JsonSchema, RefusesUnknownKeysAndDescribesEveryField) {
  const Json schema = JsonSchema();
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  int maps = 0;
  ForEachMap(schema, [&maps](const Json& map) {
    ++maps;
    EXPECT_EQ(map.at("additionalProperties"), false);
    for (const auto& [name, property] : map.at("properties").items()) {
      EXPECT_FALSE(property.value("description", "").empty()) << name;
    }
    for (const Json& name : map.value("required", Json::array())) {
      EXPECT_TRUE(map["properties"].contains(std::string(name))) << name;
    }
  });
  EXPECT_GT(maps, 20);
}

TEST(JsonSchema, TellsTypesBoundsAndDefaults) {
  const Json schema = JsonSchema();
  EXPECT_EQ(schema["required"], Json::array({"listeners", "routes"}));
  const Json& listener = schema["properties"]["listeners"]["items"]["properties"];
  const Json& prefix = listener["limits"]["properties"]["ipv6_prefix"];
  EXPECT_EQ(prefix["type"], "integer");
  EXPECT_EQ(prefix["minimum"], 1);
  EXPECT_EQ(prefix["maximum"], 128);
  EXPECT_EQ(prefix["default"], 64);
  EXPECT_EQ(listener["timeouts"]["properties"]["keep_alive"]["default"], "1m");
  const Json& cluster = schema["properties"]["clusters"]["items"]["properties"];
  EXPECT_EQ(cluster["lb_policy"]["enum"],
            Json::array({"round_robin", "least_request", "random", "ring_hash", "maglev"}));
  EXPECT_EQ(cluster["hash_policy"]["items"]["anyOf"][0], (Json{{"const", "source_ip"}}));
  EXPECT_EQ(cluster["endpoints"]["items"]["anyOf"][0]["type"], "string");
  EXPECT_EQ(cluster["tcp_keepalive"]["properties"]["probes"]["maximum"], 127);
  const Json& websocket = schema["properties"]["routes"]["items"]["properties"]["websocket"]["properties"];
  EXPECT_EQ(websocket["backend_lost_code"]["default"], 1001);
  EXPECT_EQ(websocket["backend_lost_code"]["anyOf"],
            Json::parse(R"([{"const":0},{"const":1001},{"type":"integer","minimum":1011,"maximum":1014},
                            {"type":"integer","minimum":3000,"maximum":4999}])"));
  EXPECT_EQ(schema["properties"]["routes"]["items"]["allOf"],
            Json::parse(R"([{"oneOf":[{"required":["cluster"]},{"required":["weighted_clusters"]},
                                     {"required":["redirect"]},{"required":["direct_response"]}]},
                            {"not":{"anyOf":[{"required":["prefix_rewrite","regex_rewrite"]}]}}])"));
}

TEST(JsonSchema, ItsPatternsAreRegularExpressions) {
  int patterns = 0;
  const auto walk = [&patterns](const auto& self, const Json& part) -> void {
    if (part.is_object() && part.contains("pattern") && part["pattern"].is_string()) {
      ++patterns;
      EXPECT_TRUE(RE2(part["pattern"].get<std::string>(), RE2::Quiet).ok()) << part["pattern"];
    }
    if (!part.is_structured()) return;
    for (const Json& below : part) self(self, below);
  };
  walk(walk, JsonSchema());
  EXPECT_GT(patterns, 20);
}

std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

TEST(Readme, ShowsTheExampleThatIsInstalled) {
  const std::string example = HAWSER_SOURCE_DIR "/docs/hawser.yaml";
  const Loaded loaded = Load(example);
  EXPECT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_THAT(ReadFile(HAWSER_SOURCE_DIR "/README.md"),
              testing::HasSubstr("```yaml\n" + ReadFile(example) + "```\n"));
}

TEST(Reference, IsWhatTheDocumentSays) {
  EXPECT_TRUE(ReadFile(HAWSER_SOURCE_DIR "/docs/config.md") == ReferenceMarkdown())
      << "docs/config.md is not what the description of the fields says.\n"
         "Write it anew: hawser schema --format markdown > docs/config.md";
}

TEST(Reference, HasARowForEveryFieldOfTheSchema) {
  const std::string reference = ReferenceMarkdown();
  ForEachMap(JsonSchema(), [&reference](const Json& map) {
    for (const auto& [name, property] : map.at("properties").items()) {
      EXPECT_NE(reference.find("| `" + name + "` |"), std::string::npos) << name;
    }
  });
  EXPECT_NE(reference.find("## `listeners[].tls.certificates[]`"), std::string::npos);
  EXPECT_NE(reference.find("| `interval` | duration | `30s` | 0s to 1d |"), std::string::npos);
}

TEST(Reference, SaysOfEveryTypeHowItIsWritten) {
  const std::string reference = ReferenceMarkdown();
  re2::StringPiece rest(reference);
  std::string type;
  int types = 0;
  while (RE2::FindAndConsume(&rest, R"(\n\| `\w+` \| (?:list: )?([a-z ]+) \|)", &type)) {
    EXPECT_THAT(reference, testing::HasSubstr("\n| " + type + " | `"));
    ++types;
  }
  EXPECT_GT(types, 100);
}

}  // namespace
}  // namespace hawser::config
