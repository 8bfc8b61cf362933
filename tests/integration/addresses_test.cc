// Listeners and backends on IPv6 and Unix sockets, and several listeners at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Addresses, AListenerAndABackendMayBeUnixSockets) {
  Directory directory;
  FakeBackend backend("unix:" + directory.File("backend.sock"));
  HawserProcess hawser(Config{.endpoints = {backend.address()}, .address = "unix:DIR/listener.sock"}.Yaml(),
                       2);
  Tunnel tunnel{.client = Wire::Connect("unix:" + hawser.directory().File("listener.sock")),
                .backend = {},
                .request = {},
                .response = {}};
  ASSERT_TRUE(tunnel.client.open());
  tunnel.client.Send(Request{}.Text());
  tunnel.backend = backend.Accept();
  tunnel.backend.Send(SwitchingProtocols(ReadHead(tunnel.backend)));
  EXPECT_EQ(ReadHead(tunnel.client).status(), 101);
  ExpectAlive(tunnel);
  tunnel.client.Close();
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Close();
  EXPECT_EQ(hawser.WaitForLog()["endpoint"], backend.address());
}

TEST(Addresses, AUnixSocketThatWasLeftBehindIsTakenOver) {
  EchoBackend echo("echo");
  Directory directory;
  const std::string address = "unix:" + directory.File("left.sock");
  { const FakeBackend before(address); }
  HawserProcess hawser(Config{.endpoints = {echo.address()}, .address = address}.Yaml());
  EXPECT_TRUE(Join(address).open());
}

TEST(Addresses, AProcessThatDrainsLeavesItsUnixSocketToTheNextOne) {
  EchoBackend echo("echo");
  Directory directory;
  const std::string address = "unix:" + directory.File("shared.sock");
  const std::string yaml =
      Config{.endpoints = {echo.address()}, .top = {"drain: { window: 1h }"}, .address = address}.Yaml();
  HawserProcess before(yaml);
  Wire tunnel = Join(address);
  ASSERT_TRUE(tunnel.open());
  before.process().Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] { return !Wire::Connect(address).open(); }));
  HawserProcess after(yaml);
  EXPECT_TRUE(Join(address).open());
  before.process().Signal(SIGTERM);
  EXPECT_EQ(before.process().Wait(), 0);
  EXPECT_TRUE(Join(address).open()) << "the old process took the new one's socket with it";
}

TEST(Addresses, AUnixBackendThatIsGoneGets503) {
  Directory directory;
  HawserProcess hawser(Config{.endpoints = {"unix:" + directory.File("nobody.sock")}}.Yaml());
  Head head;
  EXPECT_FALSE(Join(hawser.listener(), {}, &head).open());
  EXPECT_EQ(head.status(), 503);
}

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

TEST(Addresses, AUnixSocketHasItsModeWhateverTheUmask) {
  const auto yaml = [](const std::string& admin_mode, const std::vector<std::string>& listener) {
    std::string text =
        Config{.endpoints = {"127.0.0.1:9"}, .listener = listener, .address = "unix:edge.sock"}.Yaml();
    text.replace(text.find("\"127.0.0.1:0\""), 13, "\"unix:admin.sock\"" + admin_mode);
    return text;
  };
  for (const mode_t mask : {0022U, 0077U}) {
    const Surroundings surroundings{.before = [mask] { umask(mask); }};
    HawserProcess standard(yaml("", {}), 2, surroundings);
    EXPECT_EQ(ModeOf(standard.directory().File("edge.sock")), 0666U);
    EXPECT_EQ(ModeOf(standard.directory().File("admin.sock")), 0600U);
    HawserProcess given(yaml(", mode: \"0660\"", {"mode: \"0620\""}), 2, surroundings);
    EXPECT_EQ(ModeOf(given.directory().File("edge.sock")), 0620U);
    EXPECT_EQ(ModeOf(given.directory().File("admin.sock")), 0660U);
  }
}

TEST(Addresses, APathIsRelativeToTheConfigurationAsAFileIs) {
  HawserProcess hawser(Config{.endpoints = {"unix:run/backend.sock"}, .address = "unix:./edge.sock"}.Yaml());
  ASSERT_EQ(mkdir(hawser.directory().File("run").c_str(), 0700), 0);
  const EchoBackend echo("echo", "unix:" + hawser.directory().File("run/backend.sock"));
  EXPECT_TRUE(Join("unix:" + hawser.directory().File("edge.sock")).open());
}

TEST(Addresses, AnAbstractSocketHasNoFileToDelete) {
  const Directory folder;
  const std::string name = "@hawser-test-" + std::to_string(getpid());
  folder.Write(name, "a file that is called so");
  HawserProcess hawser(Config{.endpoints = {"127.0.0.1:9"}, .address = "unix:" + name}.Yaml(), 1,
                       {.before = [&folder] { static_cast<void>(chdir(folder.path().c_str()) == 0); }});
  EXPECT_TRUE(Wire::Connect("unix:" + name).open());
  hawser.process().Signal(SIGTERM);
  EXPECT_EQ(hawser.process().Wait(), 0);
  EXPECT_EQ(ReadFile(folder.File(name)), "a file that is called so");
}

TEST(Addresses, AnIpv6ClientIsSeenAsOne) {
  OneBackend world({.address = "[::1]:0"});
  Tunnel tunnel = world.Open();
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-For"), "::1");
  EXPECT_THAT(tunnel.request.Value("Forwarded"), HasSubstr("\"[::1]"));
  ExpectAlive(tunnel);
  tunnel.client.Close();
  EXPECT_THAT(world.hawser().WaitForLog()["client"], StartsWith("[::1]:"));
}

TEST(Addresses, AnIpv6BackendIsReached) {
  FakeBackend backend("[::1]:0");
  HawserProcess hawser(Config{.endpoints = {backend.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  client.Send(Request{}.Text());
  Wire accepted = backend.Accept();
  accepted.Send(SwitchingProtocols(ReadHead(accepted)));
  EXPECT_EQ(ReadHead(client).status(), 101);
}

TEST(Addresses, TheWildcardOfIpv6TakesIpv4AndLogsItAsIpv4) {
  OneBackend world({.address = "[::]:0"});
  const std::string listener = world.hawser().listener();
  const std::string port = listener.substr(listener.rfind(':'));
  Wire client = Wire::Connect("127.0.0.1" + port);
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).Value("X-Forwarded-For"), "127.0.0.1");
  EXPECT_TRUE(Wire::Connect("[::1]" + port).open());
}

TEST(Addresses, ARouteBelongsToTheListenersThatItNames) {
  EchoBackend echo("echo");
  std::string yaml = Config{.endpoints = {echo.address()}, .route = {"listeners: [ other ]"}}.Yaml();
  yaml.replace(yaml.find("routes:"), 7, "  - name: other\n    address: 127.0.0.1:0\nroutes:");
  HawserProcess hawser(yaml);
  EXPECT_TRUE(Join(hawser.listener("other")).open());
  Head head;
  EXPECT_FALSE(Join(hawser.listener("main"), {}, &head).open());
  EXPECT_EQ(head.status(), 404);
}

}  // namespace
}  // namespace hawser::integration
