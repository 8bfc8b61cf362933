#include "proxy/server/generation.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "proxy/server/changes.h"
#include "proxy/tls/self_signed.h"

namespace hawser::server::generation_test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// Generations of one process, built from texts.
class GenerationTest : public testing::Test {
 protected:
  GenerationTest() {
    std::string name = (fs::temp_directory_path() / "generation_XXXXXX").string();
    folder_ = mkdtemp(name.data());
    workshop_.registries.workers = 2;
  }
  ~GenerationTest() override { fs::remove_all(folder_); }

  std::string MakeCertificate(const std::string& name) const {
    const tls::SelfSigned pair = tls::MakeSelfSigned({name + ".example"}, 30).value();
    std::ofstream(folder_ / (name + ".crt")) << pair.certificate;
    std::ofstream(folder_ / (name + ".key")) << pair.private_key;
    return "{ certificate: " + name + ".crt, private_key: " + name + ".key }";
  }

  // The next one, from this text. Null: `errors_` say why.
  std::shared_ptr<const Generation> Build(const std::string& yaml) {
    config::Loaded loaded = config::LoadText(yaml, folder_ / "hawser.yaml");
    for (const config::Diagnostic& error : loaded.errors) ADD_FAILURE() << config::Render(error);
    if (!loaded.ok()) return nullptr;
    FileHashes files = HashFiles(*loaded.config, workshop_.hash_key);
    in_force_before_ =
        in_force_.generation == nullptr || IsInForce(*loaded.config, files, *in_force_.generation);
    const InForce* before = in_force_.generation == nullptr ? nullptr : &in_force_;
    errors_.clear();
    built_ = BuildGeneration(loaded, std::move(files), workshop_, before, errors_);
    if (built_.generation == nullptr) return nullptr;
    result_ = {};
    if (before != nullptr) NameChanges(in_force_, *built_.generation, result_);
    in_force_ = {.generation = built_.generation, .clusters = built_.generation->snapshot->clusters};
    return built_.generation;
  }

  static std::string Config(const std::string& listeners, const std::string& routes,
                            const std::string& clusters = "[]") {
    return "listeners: [ " + listeners + " ]\nroutes: [ " + routes + " ]\nclusters: " + clusters + "\n";
  }

  static constexpr char kMain[] = "{ name: main, address: '127.0.0.1:0' }";
  static constexpr char kUp[] = "{ name: up, match: { path: /up }, direct_response: { status: 200 } }";

  fs::path folder_;
  Workshop workshop_;
  InForce in_force_;
  Built built_;
  StartErrors errors_;
  ReloadResult result_;
  bool in_force_before_ = false;
};

template <class Parts>
auto Named(const Parts& parts, base::NameTable& names, std::string_view name) {
  return parts.Find(names.Intern(name).id());
}

TEST_F(GenerationTest, PartsThatDidNotChangeAreTheSameObjects) {
  const std::string rooms = "{ name: rooms, endpoints: [ '127.0.0.1:9' ] }";
  const std::string to_rooms = "{ name: r, match: { path: /r }, cluster: rooms }";
  const auto first = Build(Config(kMain, std::string(kUp) + ", " + to_rooms, "[ " + rooms + " ]"));
  ASSERT_NE(first, nullptr);
  const auto second = Build(Config(
      kMain, std::string(kUp) + ", " + to_rooms + ", { name: new, match: { path: /n }, cluster: games }",
      "[ " + rooms + ", { name: games, endpoints: [ '127.0.0.1:10' ] } ]"));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->snapshot->generation, 2U);
  EXPECT_EQ(second->snapshot->listeners[0], first->snapshot->listeners[0]);
  EXPECT_EQ(second->snapshot->routes[0], first->snapshot->routes[0]);
  EXPECT_EQ(second->snapshot->routes[1], first->snapshot->routes[1]);
  EXPECT_EQ(second->snapshot->clusters[0], first->snapshot->clusters[0]);
  EXPECT_THAT(built_.change->clusters, SizeIs(1));
  EXPECT_THAT(result_.listeners.changed, IsEmpty());
  EXPECT_THAT(result_.routes.added, ElementsAre("new"));
  EXPECT_THAT(result_.clusters.added, ElementsAre("games"));
  EXPECT_FALSE(in_force_before_);
}

TEST_F(GenerationTest, TheSameTextIsInForceAlready) {
  const std::string text = Config(
      "{ name: main, address: '127.0.0.1:0', tls: { certificates: [ " + MakeCertificate("a") + " ] } }", kUp);
  ASSERT_NE(Build(text), nullptr);
  Build(text);
  EXPECT_TRUE(in_force_before_);
  MakeCertificate("a");
  Build(text);
  EXPECT_FALSE(in_force_before_);
}

TEST_F(GenerationTest, AListenerKeepsItsCountAndItsTicketKeysUnderANewCertificate) {
  const std::string text =
      Config("{ name: main, address: '127.0.0.1:0', tls: { certificates: [ " + MakeCertificate("a") +
                 " ] } }, " + "{ name: b, address: '127.0.0.1:0' }",
             kUp);
  const auto first = Build(text);
  ASSERT_NE(first, nullptr);
  MakeCertificate("a");
  const auto second = Build(text);
  ASSERT_NE(second, nullptr);
  const auto& before = *first->snapshot->listeners[0];
  const auto& after = *second->snapshot->listeners[0];
  EXPECT_NE(before.tls, after.tls);
  EXPECT_EQ(before.tls->ticket_keys(), after.tls->ticket_keys());
  EXPECT_EQ(before.cap, after.cap);
  EXPECT_EQ(first->snapshot->listeners[1], second->snapshot->listeners[1]);
  EXPECT_THAT(result_.listeners.changed, ElementsAre("main"));
  EXPECT_THAT(result_.certificates.changed, ElementsAre(StartsWith("main/")));
  EXPECT_THAT(result_.certificates.added, IsEmpty());
}

TEST_F(GenerationTest, ContextsOutliveASettingThatDoesNotConcernThem) {
  const std::string tls = ", tls: { certificates: [ " + MakeCertificate("a") + " ] }";
  const std::string listener = "{ name: main, address: '127.0.0.1:0'" + tls;
  const auto first = Build(Config(listener + " }", kUp));
  const auto second = Build(Config(listener + ", limits: { connections: 7 } }", kUp));
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first->snapshot->listeners[0], second->snapshot->listeners[0]);
  EXPECT_EQ(first->snapshot->listeners[0]->tls, second->snapshot->listeners[0]->tls);
  EXPECT_EQ(first->snapshot->listeners[0]->cap, second->snapshot->listeners[0]->cap);
  EXPECT_NE(first->snapshot->listeners[0]->cap->limit(), 7U) << "only when the generation is in force";
}

TEST_F(GenerationTest, AClusterKeepsItsEndpointsAndItsTransport) {
  const auto cluster = [](const std::string& more) {
    return "[ { name: rooms, endpoints: [ '127.0.0.1:9', '127.0.0.1:10' ], " + more + " } ]";
  };
  const std::string route = "{ name: r, match: { path: /r }, cluster: rooms }";
  const auto first = Build(Config(kMain, route, cluster("connect_timeout: 1s")));
  const auto second = Build(Config(kMain, route, cluster("connect_timeout: 2s")));
  ASSERT_NE(second, nullptr);
  const cluster::Membership& before = *first->snapshot->clusters[0];
  const cluster::Membership& after = *second->snapshot->clusters[0];
  EXPECT_NE(before.cluster(), after.cluster());
  EXPECT_EQ(before.cluster()->transport(), after.cluster()->transport());
  EXPECT_EQ(before.health(), after.health());
  EXPECT_EQ(before.members()[0].endpoint, after.members()[0].endpoint);
  EXPECT_THAT(result_.clusters.changed, ElementsAre("rooms"));
  const auto third = Build(Config(kMain, kUp));
  ASSERT_NE(third, nullptr);
  EXPECT_THAT(built_.change->gone_clusters, ElementsAre(before.cluster()->id()));
  EXPECT_THAT(result_.clusters.removed, ElementsAre("rooms"));
  const auto fourth = Build(Config(kMain, route, cluster("connect_timeout: 1s")));
  ASSERT_NE(fourth, nullptr);
  EXPECT_EQ(before.health(), fourth->snapshot->clusters[0]->health()) << "requests under way hold it";
}

TEST_F(GenerationTest, WhatDiscoveryHasFoundStaysUnderNewSettings) {
  const auto text = [](const std::string& more) {
    return Config(kMain, "{ name: r, match: { path: /r }, cluster: rooms }",
                  "[ { name: rooms, endpoints: [ 'rooms.internal:9000' ], " + more + " } ]");
  };
  ASSERT_NE(Build(text("connect_timeout: 1s")), nullptr);
  EXPECT_THAT(in_force_.clusters[0]->members(), IsEmpty());
  in_force_.discovered["rooms"] = {
      {.address = net::SocketAddress::Parse("10.0.0.1:9000").value(), .host = "rooms.internal"}};
  const auto second = Build(text("connect_timeout: 2s"));
  ASSERT_NE(second, nullptr);
  EXPECT_THAT(second->snapshot->clusters[0]->members(), SizeIs(1));
}

TEST_F(GenerationTest, OneThatFailsNamesAllErrorsAndLeavesNothing) {
  const auto first = Build(Config(kMain, kUp));
  ASSERT_NE(first, nullptr);
  const net::Socket taken =
      net::Listen(net::SocketAddress::Parse("127.0.0.1:0").value(), {.reuse_port = false}).value();
  const std::string port = net::LocalAddress(taken).value().ToString();
  const std::string file = (folder_ / "s.sock").string();
  EXPECT_EQ(Build(Config("{ name: file, address: 'unix:" + file + "' }, { name: a, address: '" + port + "' }",
                         kUp) +
                  "access_log: { path: /proc/none/log }\n"),
            nullptr);
  ASSERT_THAT(errors_, SizeIs(2));
  EXPECT_EQ(errors_[0].path, "listeners[1].address");
  EXPECT_EQ(errors_[1].path, "access_log.path");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(in_force_.generation, first);
}

TEST_F(GenerationTest, ItsSocketsAreOneForEachWorkerWhereItWasNotBoundBefore) {
  ASSERT_NE(Build("admin: { address: '127.0.0.1:0' }\n" + Config(kMain, kUp)), nullptr);
  ASSERT_THAT(built_.sockets, SizeIs(1));
  EXPECT_THAT(built_.sockets[0], SizeIs(2));
  EXPECT_TRUE(built_.admin.open());
  const auto second = Build("admin: { address: '127.0.0.1:0' }\n" +
                            Config(std::string(kMain) + ", { name: b, address: '127.0.0.1:0' }", kUp));
  ASSERT_NE(second, nullptr);
  ASSERT_THAT(built_.sockets, SizeIs(2));
  EXPECT_THAT(built_.sockets[0], IsEmpty());
  EXPECT_THAT(built_.sockets[1], SizeIs(2));
  EXPECT_FALSE(built_.admin.open());
  EXPECT_EQ(built_.change->addresses[1], second->bindings[1].bound.ToString());
}

}  // namespace
}  // namespace hawser::server::generation_test
