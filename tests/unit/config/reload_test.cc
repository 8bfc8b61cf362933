#include "config/reload.h"

#include <string>

#include <nlohmann/json.hpp>

#include "config/json_schema.h"
#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(FilesOf, HasEveryFileThatIsReadOnce) {
  const Loaded loaded = LoadText(R"(
access_log: { path: access.log }
admin: { address: "unix:admin.sock" }
listeners:
- name: a
  address: 127.0.0.1:1
  tls: { certificates: [ { certificate: a.crt, private_key: a.key }, { certificate: /b.crt, private_key: a.key } ] }
routes: [ { match: {}, weighted_clusters: [ { name: c }, { name: d } ] } ]
clusters:
- name: c
  endpoints: [ "unix:c.sock" ]
  tls: { ca_file: ca.pem, certificate: own.crt, private_key: own.key }
- name: d
  discovery: { file: rooms.yaml }
  affinity: { cookie: { keys_file: keys } }
)",
                                 "/etc/hawser.yaml", {.check_files = false});
  ASSERT_TRUE(loaded.ok()) << Render(loaded.errors[0]);
  EXPECT_THAT(FilesOf(*loaded.config),
              ElementsAre("/b.crt", "/etc/a.crt", "/etc/a.key", "/etc/ca.pem", "/etc/keys", "/etc/own.crt",
                          "/etc/own.key", "/etc/rooms.yaml"));
}

TEST(WaitsForRestart, NamesFieldsThatDifferAndCannotBeReloaded) {
  const Config old;
  Config fresh;
  EXPECT_THAT(WaitsForRestart(old, fresh), IsEmpty());
  fresh.limits.answered_refusals += 1;
  EXPECT_THAT(WaitsForRestart(old, fresh), IsEmpty());
  fresh.limits.per_ip_entries += 1;
  fresh.limits.socket_io_sessions += 1;
  EXPECT_THAT(WaitsForRestart(old, fresh), ElementsAre("limits.per_ip_entries", "limits.socket_io_sessions"));
}

TEST(WaitsForRestart, IsSaidInTheSchema) {
  const auto limits = JsonSchema()["properties"]["limits"]["properties"];
  EXPECT_THAT(limits["per_ip_entries"]["description"].get<std::string>(),
              HasSubstr(" A change waits for a restart."));
  EXPECT_THAT(limits["reserve"]["description"].get<std::string>(), Not(HasSubstr("restart")));
}

}  // namespace
}  // namespace hawser::config
