// The command line, and configurations that are wrong: every error at once, with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

// As it stands in the project's description, with the ports left out of the way.
constexpr char kExample[] = R"(
admin:
  address: 127.0.0.1:9901
access_log:
  path: access.log                     # "-" is stdout
  format: json
drain:
  window: 30s
listeners:
  - name: plain
    address: 127.0.0.1:8080
  - name: edge
    address: "[::]:8443"
    tls:
      certificates:
        - certificate: server.crt      # relative to this file
          private_key: server.key
      min_version: TLSv1.2
    limits:
      connections: 200000
      connections_per_ip: 100
      connection_rate_per_ip: { rate: 20/s, burst: 40 }
    timeouts: { tls_handshake: 5s, request_headers: 5s }
routes:
  - match: { host: "*.example.com", path_prefix: /chat, subprotocol: chat.v2 }
    cluster: chat
    websocket:
      keepalive: { interval: 30s, timeout: 10s, to: both }
      close_timeout: 5s
  - match: { path_prefix: / }
    listeners: [plain, edge]           # all, if left out
    cluster: rooms
clusters:
  - name: chat
    lb_policy: least_request           # round_robin, random, ring_hash, maglev
    affinity:
      cookie:
        name: moor
        ttl: 1h
        same_site: Lax
        keys: [ "0123456789abcdef0123456789abcdef" ]     # or keys_file
    endpoints: [ 127.0.0.1:9000, { address: "127.0.0.1:9001", weight: 2 } ]
  - name: rooms
    lb_policy: maglev
    hash_policy: [ { header: X-Room }, source_ip ]       # the first that is present; also { cookie: c }, { query: q }
    connect_timeout: 2s
    endpoints: [ "unix:/run/rooms.sock", 127.0.0.1:9002 ]
)";

constexpr char kFiveErrors[] = R"(listeners:
  - name: main
    adress: 127.0.0.1:0
    address: 127.0.0.1:0
    limits: { connections: many }
routes:
  - match: { path_prefix: / }
    cluster: nowhere
  - match: { path_prefix: / }
    cluster: backends
clusters:
  - name: backends
    connect_timeout: 5 parsecs
    endpoints: [ 127.0.0.1:9000 ]
)";

// Threads name themselves.
int WorkersOf(const Process& process) {
  int workers = 0;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process.pid()))) {
    workers += ReadFile(task.path() / "comm").starts_with("worker-") ? 1 : 0;
  }
  return workers;
}

TEST(CommandLine, TheExampleLoads) {
  Directory directory;
  MakeCertificate(directory, "server", {"hawser.test"});
  const std::string file = directory.Write("hawser.yaml", kExample);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"check", "-c", file},
                                                  {"run", "--mode", "validate", "-c", file},
                                                  {"--mode", "validate", "-c", file}}) {
    const CommandResult result = RunHawser(command);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("OK"));
  }
}

TEST(CommandLine, AllErrorsOfAFileAreReportedAtOnceWithTheirPlaces) {
  Directory directory;
  const std::string file = directory.Write("wrong.yaml", kFiveErrors);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"check", "-c", file}, {"run", "-c", file}}) {
    const CommandResult result = RunHawser(command);
    const std::string text = result.out + result.err;
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(text, HasSubstr(file + ":3:5: "));
    EXPECT_THAT(text, ContainsRegex("adress.*address"));  // with a suggestion
    EXPECT_THAT(text, HasSubstr(file + ":5:"));
    EXPECT_THAT(text, HasSubstr(file + ":8:14: "));
    EXPECT_THAT(text, HasSubstr("nowhere"));
    EXPECT_THAT(text, HasSubstr(file + ":9:"));  // a duplicate route
    EXPECT_THAT(text, HasSubstr(file + ":13:22: "));
  }
}

TEST(CommandLine, TheExampleServes) {
  // Replaces ports and paths by those of this test run.
  Directory directory;
  const CertificateFiles files = MakeCertificate(directory, "server", {"hawser.test"});
  std::string yaml = kExample;
  for (const auto& [fixed, free] :
       std::vector<std::pair<std::string, std::string>>{{"127.0.0.1:9901", "127.0.0.1:0"},
                                                        {"127.0.0.1:8080", "127.0.0.1:0"},
                                                        {"[::]:8443", "[::]:0"},
                                                        {"path: access.log", "path: DIR/access.log"},
                                                        {"server.crt", files.certificate},
                                                        {"server.key", files.private_key}}) {
    yaml.replace(yaml.find(fixed), fixed.size(), free);
  }
  HawserProcess hawser(yaml, 2);
  EXPECT_NE(hawser.AdminPage("/ready"), "");
  EXPECT_TRUE(Wire::Connect(hawser.listener("plain")).open());
  Wire edge = Wire::Connect(hawser.listener("edge"), {.tls = true});
  ASSERT_TRUE(edge.open()) << edge.tls_error();
  edge.Send(Request{.ws_version = "12"}.Text());
  EXPECT_EQ(ReadHead(edge).status(), 426);
}

TEST(CommandLine, ShortagesOfTheMachineAreReportedWithTheOtherErrors) {
  FakeBackend taken;
  FakeBackend taken_too;
  Directory directory;
  const std::string yaml =
      "admin: { address: \"" + taken.address() +
      "\" }\naccess_log: { path: /nowhere/at/all.log, format: '%when%' }\nlisteners:\n  - name: a\n"
      "    address: \"" +
      taken_too.address() +
      "\"\n    adress: x\nroutes:\n  - { match: { path_prefix: / }, cluster: c }\n"
      "clusters:\n  - { name: c, endpoints: [ 127.0.0.1:9 ] }\n";
  const std::string file = directory.Write("machine.yaml", yaml);
  const std::string text = RunHawser({"run", "-c", file}).err;
  EXPECT_THAT(text, ContainsRegex("machine.yaml:1:19: admin.address: cannot bind.*in use; expected"));
  EXPECT_THAT(text, ContainsRegex("machine.yaml:2:21: access_log.path: cannot open.*; expected"));
  EXPECT_THAT(text, ContainsRegex(
                        "machine.yaml:2:50: access_log.format: unknown field %when%; expected one of time"));
  EXPECT_THAT(text, ContainsRegex("machine.yaml:5:14: listeners.0..address: cannot bind.*in use; expected"));
  EXPECT_THAT(text, ContainsRegex("machine.yaml:6:5: listeners.0..adress: unknown key; did you mean"));
  // While another hawser serves the same file, `check` reports nothing about its ports.
  const std::string checked = RunHawser({"check", "-c", file}).err;
  EXPECT_THAT(checked, testing::Not(HasSubstr("in use")));
  EXPECT_THAT(checked, HasSubstr("%when%"));
}

TEST(CommandLine, CertificatesThatCannotBeUsedAreErrors) {
  Directory directory;
  MakeCertificate(directory, "one", {"one.test"});
  MakeCertificate(directory, "two", {"two.test"});
  directory.Write("broken.crt", "not a certificate");
  const auto check = [&directory](const std::string& certificate, const std::string& key) {
    const std::string yaml = Config{
        .endpoints = {"127.0.0.1:9"},
        .listener = {"tls: { certificates: [ { certificate: " + certificate + ", private_key: " + key +
                     " } ] }"}}.Yaml();
    return RunHawser({"check", "-c", WriteConfig(directory, "tls.yaml", yaml)});
  };
  EXPECT_EQ(check("one.crt", "one.key").status, 0) << check("one.crt", "one.key").err;
  for (const auto& [certificate, key] :
       {std::pair("missing.crt", "one.key"), std::pair("one.crt", "missing.key"),
        std::pair("one.crt", "two.key"), std::pair("broken.crt", "one.key")}) {
    const CommandResult result = check(certificate, key);
    EXPECT_EQ(result.status, 1) << certificate << " " << key;
    EXPECT_THAT(result.out + result.err, ContainsRegex("tls.yaml:[0-9]+:[0-9]+: "));
  }
}

TEST(CommandLine, ACertificateThatEndsSoonIsReportedByCheckAndAtStart) {
  Directory directory;
  const CertificateFiles files = MakeCertificate(directory, "soon", {"soon.test"}, 10);
  const std::string yaml = Config{
      .endpoints = {"127.0.0.1:9"},
      .listener = {"tls: { certificates: [ { certificate: " + files.certificate +
                   ", private_key: " + files.private_key +
                   " } ] }"}}.Yaml();
  const std::string warning =
      ".yaml:[0-9]+:[0-9]+: warning: listeners.0..tls.certificates.0..certificate: "
      ".*soon.crt ends on .*, in [0-9]+ days";
  const CommandResult result = RunHawser({"check", "-c", WriteConfig(directory, "soon.yaml", yaml)});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, ContainsRegex(warning));
  HawserProcess hawser(yaml);
  EXPECT_THAT(hawser.process().err(), ContainsRegex(warning));
}

TEST(CommandLine, APortInUseIsReportedAtItsPlace) {
  FakeBackend taken;
  Directory directory;
  const std::string yaml = Config{.endpoints = {"127.0.0.1:9"}, .address = taken.address()}.Yaml();
  const std::string file = WriteConfig(directory, "taken.yaml", yaml);
  const CommandResult result = RunHawser({"run", "-c", file, "--concurrency", "1"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, ContainsRegex("taken.yaml:[0-9]+:[0-9]+: .*address"));
  EXPECT_THAT(result.err, HasSubstr(taken.address()));
}

TEST(CommandLine, TooFewOpenFilesAreReportedWithARemedy) {
  if (IsSanitized()) GTEST_SKIP() << "the sanitizers open files of their own";
  Directory directory;
  const std::string yaml = Config{.endpoints = {"127.0.0.1:9"}}.Yaml();
  const std::string file = WriteConfig(directory, "f.yaml", yaml);
  const CommandResult result = RunHawser({"run", file, "--concurrency", "32"}, {.before = [] {
                                           const rlimit few{.rlim_cur = 40, .rlim_max = 40};
                                           setrlimit(RLIMIT_NOFILE, &few);
                                         }});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err,
              ContainsRegex("Too many open files; expected a higher limit of open files .ulimit -n, "
                            "LimitNOFILE. or fewer workers .--concurrency."));
}

TEST(CommandLine, ASocketAsStdoutIsOpenedByADashAlone) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const net::Socket ours(pair[0]);
  const net::Socket theirs(pair[1]);
  Directory directory;
  std::string yaml = Config{.endpoints = {"127.0.0.1:9"}}.Yaml();
  yaml.replace(yaml.find("DIR/access.log"), 14, "/dev/stdout");
  const CommandResult result = RunHawser({"run", WriteConfig(directory, "f.yaml", yaml)},
                                         {.out = theirs.fd()});  // as systemd starts it
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err,
              ContainsRegex(
                  "f.yaml:2:[0-9]+: access_log.path: cannot open /dev/stdout: .*; expected \"-\", which is"));
}

TEST(CommandLine, TheSameListenerTwiceIsAPortInUse) {
  EchoBackend echo("echo");
  HawserProcess hawser(Config{.endpoints = {echo.address()}}.Yaml());
  Directory directory;
  const std::string yaml = Config{.endpoints = {echo.address()}, .address = hawser.listener()}.Yaml();
  const CommandResult result = RunHawser({"run", "-c", WriteConfig(directory, "again.yaml", yaml)});
  EXPECT_EQ(result.status, 1) << "two hawsers share a port without knowing it";
  EXPECT_THAT(result.err, ContainsRegex("again.yaml:[0-9]+:[0-9]+: .*address"));
}

TEST(CommandLine, OverlappingListenersAreReportedWithBothLines) {
  Directory directory;
  const auto check = [&directory](const std::string& first, const std::string& second,
                                  const std::string& admin) {
    const std::string yaml =
        "listeners:\n- { name: a, address: \"" + first + "\" }\n- { name: b, address: \"" + second +
        "\" }\nroutes: [ { match: {}, cluster: c } ]\n" +
        "clusters: [ { name: c, endpoints: [ 127.0.0.1:9 ] } ]\nadmin: { address: \"" + admin + "\" }\n";
    return RunHawser({"check", "-c", directory.Write("overlap.yaml", yaml)});
  };
  EXPECT_EQ(check("127.0.0.1:80", "127.0.0.2:80", "[::1]:80").status, 0);
  for (const auto& [first, second] :
       {std::pair("0.0.0.0:80", "127.0.0.1:80"), std::pair("[::]:80", "0.0.0.0:80"),
        std::pair("[::]:80", "127.0.0.1:80"), std::pair("unix:/run/a", "unix:/run//a")}) {
    const CommandResult result = check(first, second, "127.0.0.1:81");
    EXPECT_EQ(result.status, 1) << first << " " << second;
    EXPECT_THAT(
        result.err,
        ContainsRegex("overlap.yaml:3:23: listeners.1..address: .* overlaps .*; the first is in line 2"));
  }
  EXPECT_THAT(check("127.0.0.1:80", "0.0.0.0:81", "127.0.0.1:81").err,
              ContainsRegex(
                  "overlap.yaml:3:23: listeners.1..address: 0.0.0.0:81 overlaps .*; the first is in line 6"));
}

TEST(CommandLine, AFileThatIsMissingOrNoYamlIsAnError) {
  Directory directory;
  EXPECT_EQ(RunHawser({"check", "-c", directory.File("missing.yaml")}).status, 1);
  const CommandResult result = RunHawser({"check", "-c", directory.Write("bad.yaml", "a: [1, 2\nb: }")});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out + result.err, ContainsRegex("bad.yaml:[0-9]+:[0-9]+: "));
}

TEST(CommandLine, TheSchemaIsJsonSchema) {
  const CommandResult result = RunHawser({"schema"});
  EXPECT_EQ(result.status, 0);
  const auto schema = nlohmann::json::parse(result.out, nullptr, false);
  ASSERT_TRUE(schema.is_object());
  EXPECT_TRUE(schema.contains("$schema"));
  for (const char* key : {"admin", "access_log", "drain", "listeners", "routes", "clusters"}) {
    EXPECT_TRUE(schema["properties"].contains(key)) << key;
  }
}

TEST(CommandLine, PrintsTheVersion) {
  for (const char* verb : {"version", "--version"}) {
    const CommandResult result = RunHawser({verb});
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.out, ContainsRegex("hawser.*[0-9]+\\.[0-9]+"));
  }
}

TEST(CommandLine, AnUnknownArgumentIsAnError) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {}, {"sail"}, {"run"}, {"check"}, {"run", "--concurrency", "none"}, {"run", "--bogus"}}) {
    EXPECT_EQ(RunHawser(command).status, 2);
  }
}

TEST(CommandLine, SuggestsTheNearestWord) {
  using Command = std::vector<std::string>;
  for (const auto& [command, told] : std::vector<std::pair<Command, std::string>>{
           {{"chek", "f.yaml"}, "unknown command \"chek\"; did you mean \"check\"?"},
           {{"sail"}, "unknown command \"sail\"; expected one of run, check, demo"},
           {{"f.yaml"}, "unknown command \"f.yaml\"; did you mean \"hawser run f.yaml\"?"},
           {{"help", "rum"}, "unknown command \"rum\"; did you mean \"run\"?"},
           {{"run", "--concurency=2", "f"}, "unknown option --concurency=2; did you mean --concurrency?"},
           {{"run", "a", "b"}, "\"b\" is one argument too many for run"},
           {{"run"}, "a configuration file is missing; expected hawser run FILE"},
           {{"run", "-l", "warnin", "f"}, "--log-level: \"warnin\" is not known; did you mean \"warning\"?"},
           {{"run", "--concurrency", "0", "f"},
            "--concurrency: \"0\" is not possible; expected auto or 1 to 1024"},
           {{"demo", "--port", "70000"}, "--port: \"70000\" is not possible; expected 0 to 65535"}}) {
    const CommandResult result = RunHawser(command);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr("hawser: " + told));
  }
}

TEST(CommandLine, HelpCoversTheProgramAndEachCommand) {
  const CommandResult whole = RunHawser({"help"});
  EXPECT_EQ(whole.status, 0);
  EXPECT_EQ(whole.out, RunHawser({"--help"}).out);
  for (const char* command : {"run", "check", "demo", "schema", "help", "version"}) {
    EXPECT_THAT(whole.out, HasSubstr(std::string("\n  ") + command));
  }
  const CommandResult run = RunHawser({"help", "run"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, RunHawser({"run", "--help"}).out);
  EXPECT_THAT(run.out, HasSubstr("Usage: hawser run"));
}

TEST(CommandLine, TheFileMayStandByItself) {
  Directory directory;
  const std::string file = WriteConfig(directory, "f.yaml", Config{.endpoints = {"127.0.0.1:9"}}.Yaml());
  EXPECT_EQ(RunHawser({"check", file}).out, "OK\n");
  EXPECT_EQ(RunHawser({"check", directory.File("none.yaml")}).status, 1);
  Process process(directory, {HawserBinary(), "run", file, "--concurrency", "auto", "-l", "warn"});
  EXPECT_TRUE(Eventually([&process] { return WorkersOf(process) > 0; }));  // it listens to signals
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_EQ(process.err(), "") << "of a level below warn";
}

TEST(CommandLine, AConfigurationIsReadFromStdin) {
  Directory directory;
  MakeCertificate(directory, "server", {"hawser.test"});
  const std::string tls = "tls: { certificates: [ { certificate: server.crt, private_key: server.key } ] }";
  const auto check = [&directory](const std::string& yaml) {
    const net::Socket in(open(WriteConfig(directory, "in.yaml", yaml).c_str(), O_RDONLY | O_CLOEXEC));
    return RunHawser({"check", "-"}, {.in = in.fd(), .before = [&directory] {
                                        static_cast<void>(chdir(directory.path().c_str()) == 0);
                                      }});
  };
  const CommandResult right = check(Config{.endpoints = {"127.0.0.1:9"}, .listener = {tls}}.Yaml());
  EXPECT_EQ(right.out, "OK\n") << right.err;  // the certificate is found in the working directory
  const CommandResult wrong = check("listeners: 1\n");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("stdin:1:12: listeners: "));
}

TEST(CommandLine, TheDemosErrorsNameItsOptions) {
  FakeBackend taken;
  const std::string port = taken.address().substr(taken.address().rfind(':') + 1);
  const CommandResult result = RunHawser({"demo", "--port", port});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("hawser demo: --port " + port + ": cannot bind "));
  EXPECT_THAT(result.err, testing::Not(HasSubstr(".yaml")));
}

TEST(CommandLine, TheLimitOfOpenFilesIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  OneBackend world;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit raised{};
  ASSERT_EQ(prlimit(world.hawser().process().pid(), RLIMIT_NOFILE, nullptr, &raised), 0);
  EXPECT_EQ(raised.rlim_cur, before.rlim_max);
  EXPECT_THAT(world.hawser().process().err(), HasSubstr(fmt::format("{} open files", before.rlim_max)));
}

TEST(CommandLine, ConcurrencyIsTheNumberOfWorkers) {
  OneBackend world({.concurrency = 3});
  Process& process = world.hawser().process();
  EXPECT_TRUE(Eventually([&process] { return WorkersOf(process) == 3; })) << WorkersOf(process);
}

TEST(CommandLine, TheEffectiveLimitsAreLoggedAtStart) {
  OneBackend world;
  const std::string text = world.hawser().process().err();
  EXPECT_THAT(text, HasSubstr("open files"));
  EXPECT_THAT(text, HasSubstr("connections"));
  EXPECT_THAT(text, HasSubstr("memory"));
  EXPECT_THAT(text, HasSubstr("; timeouts: answer 10s, linger 2s"));
  world.hawser().process().Signal(SIGTERM);
  EXPECT_EQ(world.hawser().process().Wait(), 0);
  EXPECT_THAT(world.hawser().process().err(),
              HasSubstr("tunnels are closed over 30s; the process ends after 1m at the latest"));
}

}  // namespace
}  // namespace hawser::integration
