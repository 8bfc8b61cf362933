// What a reload does to each part of a configuration, and to what runs by it: listeners, routes, clusters,
// certificates, limits, the access log, the admin listener.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

// What follows is drained at once, so that a test need not wait for its turn.
constexpr char kDrainAtOnce[] = "drain: { reload: { window: 0s } }";

class ReloadParts : public testing::Test {
 protected:
  ReloadParts() : address_(UnusedAddress()) {
    site_.top = {kDrainAtOnce};
    site_.listeners = {ListenerOf("main", address_)};
    site_.routes = {RouteOf("all", "a", "match: { path_prefix: / }")};
    site_.clusters = {ClusterOf("a", {a_.address()}), ClusterOf("b", {b_.address()})};
  }
  void Start() { hawser_.emplace(site_.Yaml(), 2); }
  // Through which backend a new tunnel goes; "" where it is refused.
  std::string BackendAt(const std::string& address, const std::string& target = "/") {
    Head head;
    const Wire client = Join(address, {.target = target}, &head);
    return client.open() ? head.Value("X-Backend") : "";
  }
  Wire Open(const std::string& target = "/") { return Join(address_, {.target = target}); }

  EchoBackend a_{"a"};
  EchoBackend b_{"b"};
  const std::string address_;
  Site site_;
  std::optional<HawserProcess> hawser_;
};

// --- Listeners ---

TEST_F(ReloadParts, AListenerComes) {
  site_.routes.insert(site_.routes.begin(), "{ match: { path: /unnamed }, cluster: a }");
  Start();
  Wire before = Open();
  Wire unnamed = Open("/unnamed");
  const std::string more = UnusedAddress();
  site_.listeners.push_back(ListenerOf("more", more));
  site_.listeners.push_back(ListenerOf("path", "unix:DIR/more.sock"));
  EXPECT_EQ(Apply(*hawser_, site_).Changes("listeners"), "+more +path");
  EXPECT_EQ(BackendAt(more), "a");
  EXPECT_EQ(BackendAt("unix:" + hawser_->directory().File("more.sock")), "a");
  ExpectEcho(before);
  ExpectEcho(unnamed);
}

TEST_F(ReloadParts, AListenerGoesAndItsTunnelsAreTold) {
  const std::string gone = UnusedAddress();
  site_.listeners.push_back(ListenerOf("gone", gone));
  site_.listeners.push_back(ListenerOf("path", "unix:DIR/gone.sock"));
  Start();
  Wire stays = Open();
  Wire goes = Join(gone);
  Wire idle = Wire::Connect(gone);
  site_.listeners.resize(1);
  EXPECT_EQ(Apply(*hawser_, site_).Changes("listeners"), "-gone -path");
  ExpectClosed(goes, 1012);
  EXPECT_NE(idle.ReadEnd(), End::kOpen);
  EXPECT_FALSE(Wire::Connect(gone).open());
  const std::string path = hawser_->directory().File("gone.sock");
  EXPECT_TRUE(Eventually([&path] { return !std::filesystem::exists(path); }));
  ExpectEcho(stays);
  const LogLine line = hawser_->WaitForLog();
  EXPECT_EQ(line["listener"], "gone");
  EXPECT_EQ(line["close_code"], "1012");
}

TEST_F(ReloadParts, ARenamedListenerKeepsItsAddressAndNotItsTunnels) {
  Start();
  Wire tunnel = Open();
  Wire waiting = Wire::Connect(address_);
  site_.listeners = {ListenerOf("renamed", address_)};
  EXPECT_EQ(Apply(*hawser_, site_).Changes("listeners"), "+renamed -main");
  ExpectClosed(tunnel, 1012);
  EXPECT_NE(waiting.ReadEnd(), End::kOpen) << "it belongs to the old one";
  EXPECT_EQ(BackendAt(address_), "a");
}

TEST_F(ReloadParts, ListenersThatSwapAddressesSwapSockets) {
  const std::string other = UnusedAddress();
  site_.listeners.push_back(ListenerOf("other", other));
  site_.routes = {RouteOf("first", "a", "match: { path_prefix: / }, listeners: [ main ]"),
                  RouteOf("second", "b", "match: { path_prefix: / }, listeners: [ other ]")};
  Start();
  Wire on_main = Join(address_);
  Wire on_other = Join(other);
  for (int i = 0; i < 10; ++i) {
    const bool swapped = i % 2 == 0;
    site_.listeners = {ListenerOf("main", swapped ? other : address_),
                       ListenerOf("other", swapped ? address_ : other)};
    EXPECT_EQ(Apply(*hawser_, site_).Changes("listeners"), "~main ~other");
    EXPECT_EQ(BackendAt(address_), swapped ? "b" : "a");
    EXPECT_EQ(BackendAt(other), swapped ? "a" : "b");
  }
  ExpectEcho(on_main);
  ExpectEcho(on_other);
}

TEST_F(ReloadParts, AListenerMoves) {
  Start();
  Wire tunnel = Open();
  const std::string next = UnusedAddress();
  site_.listeners = {ListenerOf("main", next)};
  Apply(*hawser_, site_);
  EXPECT_EQ(BackendAt(next), "a");
  EXPECT_FALSE(Wire::Connect(address_).open());
  ExpectEcho(tunnel);
}

TEST_F(ReloadParts, LimitsHoldAtOnceAndCountWhatIsOpen) {
  Start();
  std::vector<Wire> tunnels;
  for (int i = 0; i < 4; ++i) tunnels.push_back(Open());
  site_.listeners = {ListenerOf("main", address_, "limits: { connections: 4 }")};
  Apply(*hawser_, site_);
  EXPECT_EQ(BackendAt(address_), "") << "four are open";
  tunnels.pop_back();
  EXPECT_TRUE(Eventually([&] { return BackendAt(address_) == "a"; }));
  EXPECT_TRUE(hawser_->MetricIs("hawser_listener_connections", 3, {"main"}));
  site_.listeners = {ListenerOf("main", address_, "limits: { connections_per_ip: 3 }")};
  Apply(*hawser_, site_);
  EXPECT_EQ(BackendAt(address_), "");
  site_.listeners = {ListenerOf("main", address_)};
  Apply(*hawser_, site_);
  EXPECT_EQ(BackendAt(address_), "a");
  for (Wire& tunnel : tunnels) ExpectEcho(tunnel);
}

// --- Routes and clusters ---

TEST_F(ReloadParts, RoutesComeAndGo) {
  site_.routes = {RouteOf("stays", "a"), RouteOf("goes", "a")};
  Start();
  Wire stays = Open("/stays");
  Wire goes = Open("/goes");
  site_.routes = {RouteOf("comes", "b"), RouteOf("stays", "a")};
  EXPECT_EQ(Apply(*hawser_, site_).Changes("routes"), "+comes -goes");
  EXPECT_EQ(BackendAt(address_, "/comes"), "b");
  EXPECT_EQ(BackendAt(address_, "/goes"), "");
  ExpectClosed(goes, 1012);
  ExpectEcho(stays);
}

TEST_F(ReloadParts, SettingsOfARouteAreForNewTunnels) {
  Start();
  Wire before = Open();
  site_.routes = {RouteOf("all", "b",
                          "match: { path_prefix: / }, "
                          "websocket: { max_message_bytes: 10, keepalive: { interval: 0s } }")};
  EXPECT_EQ(Apply(*hawser_, site_).Changes("routes"), "~all");
  Wire after = Open();
  EXPECT_EQ(BackendAt(address_), "b");
  ExpectEcho(before, std::string(100, 'x'));
  ExpectEcho(after, std::string(10, 'x'));
  after.Send(EncodeMasked({.payload = std::string(11, 'x')}));
  EXPECT_EQ(ReadFrame(after).close_code(), 1009);
}

TEST_F(ReloadParts, AnUnnamedRouteIsKnownByItsMatch) {
  const std::string first = "{ match: { path: /first }, cluster: a }";
  const std::string second = "{ match: { path: /second }, cluster: a }";
  site_.routes = {first, second};
  Start();
  Wire tunnel = Open("/second");
  site_.routes = {"{ match: { path: /new }, cluster: b }", second};
  Apply(*hawser_, site_);
  EXPECT_EQ(BackendAt(address_, "/first"), "");
  EXPECT_EQ(BackendAt(address_, "/new"), "b");
  ExpectEcho(tunnel);
}

TEST_F(ReloadParts, ARouteThatComesBackIsSpared) {
  site_.top = {"drain: { reload: { window: 4s } }"};
  site_.routes = {RouteOf("stays", "a"), RouteOf("leaves", "a")};
  Start();
  std::vector<Wire> tunnels;
  for (int i = 0; i < 10; ++i) tunnels.push_back(Open("/leaves"));
  const std::string leaves = site_.routes.back();
  site_.routes.pop_back();
  Apply(*hawser_, site_);
  EXPECT_TRUE(hawser_->MetricReaches("hawser_draining_tunnels", 1, {"reload"}));
  site_.routes.push_back(leaves);
  Apply(*hawser_, site_);
  EXPECT_TRUE(hawser_->MetricIs("hawser_draining_tunnels", 0, {"reload"})) << "each has had its turn";
  size_t told = 0;
  for (Wire& tunnel : tunnels) {
    if (tunnel.HasInput()) {
      ++told;
    } else {
      ExpectEcho(tunnel);
    }
  }
  EXPECT_LT(told, tunnels.size()) << "those whose turn came before the route came back";
}

TEST_F(ReloadParts, AnotherClusterForARoute) {
  Start();
  Wire before = Open();
  site_.routes = {RouteOf("all", "b", "match: { path_prefix: / }")};
  EXPECT_EQ(Apply(*hawser_, site_).Changes("routes"), "~all");
  EXPECT_EQ(BackendAt(address_), "b");
  ExpectEcho(before);
}

// --- Certificates ---

std::string Tls(const CertificateFiles& files) {
  return fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}", files.certificate,
                     files.private_key);
}

// A session that a tunnel's handshake left, to be resumed.
SslSession SessionOf(Wire& client) {
  ExpectEcho(client);  // TLS 1.3's tickets come ahead of it
  return SslSession(SSL_get1_session(client.ssl()));
}

TEST_F(ReloadParts, ANewCertificateForNewHandshakes) {
  const Directory files;
  const CertificateFiles old = MakeCertificate(files, "tls", {"old.test"});
  site_.listeners = {ListenerOf("main", address_, Tls(old))};
  Start();
  const ConnectOptions tls{.tls = true};
  Wire before = Join(address_, {}, nullptr, tls);
  EXPECT_EQ(before.peer_name(), "old.test");
  const SslSession session = SessionOf(before);
  MakeCertificate(files, "tls", {"new.test"}, 90, 2);  // the same file names
  const Reloaded reloaded = PostReload(*hawser_);
  EXPECT_EQ(reloaded.result(), "applied") << reloaded.body.dump(2);
  EXPECT_EQ(reloaded.Changes("certificates"), "~main/02");
  EXPECT_EQ(Join(address_, {}, nullptr, tls).peer_name(), "new.test");
  const Wire resumed = Join(address_, {}, nullptr, {.tls = true, .session = session.get()});
  ASSERT_TRUE(resumed.open());
  EXPECT_TRUE(SSL_session_reused(const_cast<Wire&>(resumed).ssl()));
  ExpectEcho(before);
  EXPECT_GT(hawser_->Metric("hawser_certificate_not_after_timestamp_seconds", {"\"main\"", "\"02\""}),
            static_cast<double>(time(nullptr)));
  EXPECT_EQ(hawser_->Metric("hawser_certificate_not_after_timestamp_seconds", {"\"01\""}), 0);
}

TEST_F(ReloadParts, ACertificateAndTheKeyOfAnotherAreRefused) {
  const Directory files;
  const CertificateFiles old = MakeCertificate(files, "tls", {"old.test"});
  const CertificateFiles other = MakeCertificate(files, "other", {"other.test"});
  site_.listeners = {ListenerOf("main", address_, Tls(old))};
  Start();
  std::filesystem::copy_file(other.certificate, old.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(PostReload(*hawser_).status, 422);
  EXPECT_EQ(Wire::Connect(address_, {.tls = true}).peer_name(), "old.test");
}

// --- Logs and the admin listener ---

TEST_F(ReloadParts, TheAccessLogMovesChangesGoesAndComes) {
  Start();
  const auto ask = [this] {
    Wire client = Wire::Connect(address_);
    client.Send(PlainGet("/x"));
    EXPECT_EQ(ReadHead(client).status(), 200);
  };
  const auto file = [this](const char* name) { return ReadFile(hawser_->directory().File(name)); };
  ask();
  EXPECT_EQ(hawser_->WaitForLog()["path"], "/x");
  site_.access_log = "{ path: DIR/second.log, format: 'second %path%' }";
  Apply(*hawser_, site_);
  ask();
  EXPECT_TRUE(Eventually([&] { return file("second.log") == "second /x\n"; }));
  site_.access_log = "{ path: DIR/second.log, format: 'third %path%' }";
  Apply(*hawser_, site_);
  ask();
  EXPECT_TRUE(Eventually([&] { return file("second.log") == "second /x\nthird /x\n"; }));
  site_.access_log = "";
  Apply(*hawser_, site_);
  ask();
  site_.access_log = "{ path: DIR/fourth.log, format: 'fourth %path%' }";
  Apply(*hawser_, site_);
  ask();
  EXPECT_TRUE(Eventually([&] { return file("fourth.log") == "fourth /x\n"; }));
  EXPECT_EQ(file("second.log"), "second /x\nthird /x\n");
  EXPECT_EQ(hawser_->Log().size(), 1U);
  site_.access_log = "{ path: DIR/no/folder.log }";
  const Reloaded reloaded = ReloadWith(*hawser_, site_);
  EXPECT_EQ(reloaded.status, 422);
  EXPECT_EQ(reloaded.body["errors"][0]["path"], "access_log.path");
}

TEST_F(ReloadParts, TheAdminListenerMovesAndGoes) {
  Start();
  const std::string old = hawser_->admin();
  const std::string next = UnusedAddress();
  Wire idle = Wire::Connect(old);
  site_.admin = "{ address: \"" + next + "\" }";
  Apply(*hawser_, site_);  // asked of the old, answered there
  EXPECT_FALSE(Wire::Connect(old).open());
  idle.Send(AdminGet("/ready"));
  EXPECT_EQ(ReadHead(idle).status(), 200) << "a connection of before is served";
  EXPECT_EQ(hawser_->admin(), next);
  EXPECT_EQ(hawser_->AdminPage("/ready"), "ready\n");
  site_.admin = "{ address: \"" + next + "\", hosts: [ ops.example ] }";
  Apply(*hawser_, site_);
  Wire named = Wire::Connect(next);
  named.Send("GET /ready HTTP/1.1\r\nHost: ops.example\r\n\r\n");
  EXPECT_EQ(ReadHead(named).status(), 200);
  site_.admin = "";
  Apply(*hawser_, site_);
  EXPECT_FALSE(Wire::Connect(next).open());
  EXPECT_EQ(BackendAt(address_), "a");
}

}  // namespace
}  // namespace hawser::integration
