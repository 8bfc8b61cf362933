// The command line, and nothing else: hawser run | check | demo | schema | version.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "CLI/CLI.hpp"
#include "config/json_schema.h"
#include "config/load.h"
#include "config/reference.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proxy/admin/admin_server.h"
#include "proxy/demo/demo.h"
#include "proxy/net/socket.h"
#include "proxy/server/machine.h"
#include "proxy/server/process_log.h"
#include "proxy/server/server.h"
#include "proxy/server/start_check.h"
#include "spdlog/spdlog.h"

namespace hawser {
namespace {

constexpr int kUsageError = 2;

struct Options {
  std::string config_path;
  std::string mode = "serve";
  std::string log_level = "info";
  std::string schema_format = "json";
  int workers = 0;
  uint16_t demo_port = 8443;
};

// Writes all of `text`, waiting for room where the descriptor is not to be waited for: false if it cannot be written. Ahead of
// the server nothing else is under way, and Ctrl-C ends the wait.
bool Say(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
    if (written >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
    poll(&room, 1, -1);
  }
  return true;
}

void Complain(const absl::Status& status) {
  Say(STDERR_FILENO, fmt::format("hawser: {}\n", std::string(status.message())));
}

void Print(const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    Say(STDERR_FILENO, config::Render(diagnostic) + '\n');
  }
}

// What a command was asked for. Its exit status.
int Answer(std::string_view text) {
  if (Say(STDOUT_FILENO, text)) return 0;
  const bool nobody_reads = errno == EPIPE;  // `hawser schema | head`: no news
  if (!nobody_reads) Complain(absl::ErrnoToStatus(errno, "cannot write to stdout"));
  return 1;
}

struct OpenFiles {
  uint64_t all;
  uint64_t kept;  // for the admin listener
};

OpenFiles PrepareOpenFiles(const config::Config& config, int workers) {
  OpenFiles files{.all = server::RaiseOpenFiles(), .kept = 0};
  if (!config.admin.address) return files;
  files.kept = server::KeptFiles(files.all, static_cast<size_t>(workers));
  net::KeepDescriptors(static_cast<int>(std::min<uint64_t>(files.all - files.kept, INT_MAX)));
  return files;
}

void Announce(const server::Server& server, const admin::AdminServer* admin, const OpenFiles& files) {
  const session::Snapshot& snapshot = server.snapshot();
  for (const session::ListenerRuntime& listener : snapshot.listeners) {
    const config::ListenerLimits& limits = listener.settings.limits;
    const auto& rate = limits.connection_rate_per_ip;
    spdlog::info(
        "listener {} on {} ({}), limits: {} connections, {} per IP, {}, {} ms to take an answer, {} ms to "
        "close",
        listener.settings.name, server.bound(listener.index).ToString(),
        listener.tls != nullptr ? "tls" : "plain", limits.connections,
        limits.connections_per_ip == 0 ? "any number" : fmt::to_string(limits.connections_per_ip),
        rate ? fmt::format("{}/s per IP (burst {})", rate->rate.per_second, rate->burst) : "any rate per IP",
        listener.settings.timeouts.answer.count(), listener.settings.timeouts.linger.count());
  }
  if (admin != nullptr) {
    const config::Admin& settings = snapshot.config->admin;
    spdlog::info(
        "admin on {} (plain), limits: {} connections, {} ms each, {} rows of /tunnels, {} of /clients",
        admin->address().ToString(), settings.connections, settings.timeout.count(), settings.tunnels_shown,
        settings.clients_shown);
  }
  spdlog::info(
      "limits: {} open files (two for each tunnel), {} of them kept for the admin listener, {} per-IP rows, "
      "{} Socket.IO sessions, {} compression "
      "contexts each way and {} refusals answered at one time for each worker, {} MiB of memory; {} workers",
      files.all, files.kept, snapshot.config->limits.per_ip_entries,
      snapshot.config->limits.socket_io_sessions, snapshot.config->limits.compression_contexts,
      snapshot.config->limits.answered_refusals, server::MemoryLimit() / (1024 * 1024), server.workers());
}

// Null where none is configured, and with an error.
std::unique_ptr<admin::AdminServer> ListenForAdmin(server::Server& server, const server::ProcessLog& log,
                                                   const config::Loaded& loaded,
                                                   server::StartErrors& errors) {
  const config::Admin& settings = server.snapshot().config->admin;
  if (!settings.address) return nullptr;
  auto listening = admin::AdminServer::Listen(
      server.loop(), settings,
      [&server, &log](std::string_view path, uint64_t evictions, admin::Reply reply) {
        admin::Render({server, log, evictions}, path, std::move(reply));
      });
  if (listening.ok()) return *std::move(listening);
  errors.push_back(loaded.At(*settings.address, std::string(listening.status().message())));
  return nullptr;
}

int Serve(config::Loaded loaded, const Options& options, demo::Demo* demo) {
  auto log = server::ProcessLog::Start(options.log_level);
  if (!log.ok()) {
    Complain(log.status());
    return 1;
  }
  // Diagnostics too go by way of the log: who reads stderr may be stuck, and that is no reason not to serve.
  for (const config::Diagnostic& warning : loaded.warnings) {
    (*log)->Write(fmt::format("warning: {}\n", config::Render(warning)));
  }
  const int workers = options.workers > 0 ? options.workers : server::AllowedCores();
  const OpenFiles files = PrepareOpenFiles(*loaded.config, workers);
  server::StartErrors errors;
  auto server = server::Server::Create(loaded, workers, errors);
  std::unique_ptr<admin::AdminServer> admin;
  if (server != nullptr) admin = ListenForAdmin(*server, **log, loaded, errors);
  for (const config::Diagnostic& error : errors) (*log)->Write(config::Render(error) + '\n');
  if (!errors.empty()) return 1;
  Announce(*server, admin.get(), files);
  absl::Status started = server->Start();
  if (started.ok() && demo != nullptr) started = demo->Start(server->stats());
  if (!started.ok()) {
    spdlog::critical("{}", std::string(started.message()));
    return 1;
  }
  if (demo != nullptr) {
    const uint16_t port = server->bound(0).port();
    spdlog::info("demo on https://127.0.0.1:{}/ (the certificate is its own: the browser will ask)", port);
  }
  spdlog::info("ready");
  const int status = server->Run();
  if (demo != nullptr) demo->Stop();  // it reads the server's counters
  admin.reset();
  return status;
}

int Run(const Options& options) {
  const bool serves = options.mode == "serve";
  const auto further = [serves](const config::Config& config, const config::Checks& checks) {
    server::CheckLogFormat(config, checks);
    if (serves) server::CheckMachine(config, checks);
  };
  config::Loaded loaded = config::Load(options.config_path, {.further = further});
  Print(loaded.errors);
  if (!loaded.ok()) return 1;
  if (serves) return Serve(std::move(loaded), options, nullptr);
  for (const config::Diagnostic& warning : loaded.warnings) {
    Say(STDERR_FILENO, fmt::format("warning: {}\n", config::Render(warning)));
  }
  return Answer("OK\n");
}

int RunDemo(const Options& options) {
  auto demo = demo::Demo::Create(options.demo_port);
  if (!demo.ok()) {
    Complain(demo.status());
    return 1;
  }
  config::Loaded loaded = config::LoadText((*demo)->Config(), "demo.yaml");
  Print(loaded.errors);
  if (!loaded.ok()) return 1;
  return Serve(std::move(loaded), options, demo->get());
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("hawser: a reverse proxy made for WebSockets");
  app.set_version_flag("--version", "hawser " HAWSER_VERSION, "print the version");
  app.require_subcommand(0, 1);
  const auto add_common = [&](CLI::App* command) {
    command
        ->add_option("--concurrency", options.workers,
                     "worker threads; default: the cores this process may use")
        ->check(CLI::Range(1, 1024));
    command->add_option("-l,--log-level", options.log_level, "trace, debug, info, warning, error or critical")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "critical"}));
  };
  const auto add_config = [&](CLI::App* command) {
    command->add_option("-c,--config-path", options.config_path, "the configuration file (YAML)");
    command->add_option("--mode", options.mode, "serve, or validate: read the configuration, report, and end")
        ->check(CLI::IsMember({"serve", "validate"}));
  };
  add_config(&app);
  add_common(&app);
  CLI::App* run = app.add_subcommand("run", "serve a configuration");
  add_config(run);
  add_common(run);
  CLI::App* check = app.add_subcommand("check", "read a configuration and report every error");
  check->add_option("-c,--config-path", options.config_path, "the configuration file (YAML)");
  CLI::App* demo = app.add_subcommand("demo", "a proxy, three backends and a page to see it work");
  demo->add_option("--port", options.demo_port, "of the TLS listener on 127.0.0.1; 0: any free one");
  add_common(demo);
  CLI::App* schema = app.add_subcommand("schema", "print the JSON Schema of the configuration");
  schema->add_option("--format", options.schema_format, "json, or markdown: the reference in docs/config.md")
      ->check(CLI::IsMember({"json", "markdown"}));
  CLI::App* version = app.add_subcommand("version", "print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // help and version come this way too
    return app.exit(error) == 0 ? 0 : kUsageError;
  }

  if (*version) return Answer(fmt::format("hawser {}\n", HAWSER_VERSION));
  if (*schema) {
    return Answer(options.schema_format == "json" ? config::JsonSchema().dump(2) + '\n'
                                                  : config::ReferenceMarkdown());
  }
  if (*demo) return RunDemo(options);
  if (*check) options.mode = "validate";
  if (options.config_path.empty()) {
    Say(STDERR_FILENO, app.get_subcommands().empty() ? app.help() : "hawser: -c FILE is missing\n");
    return kUsageError;
  }
  return Run(options);
}

// There is nothing to go on with: one line, where an exception that nobody catches leaves a riddle.
[[noreturn]] void EndWithoutMemory() {
  Say(STDERR_FILENO, "hawser: out of memory\n");
  _exit(1);
}

// A descriptor of 0 to 2 that the starter left closed would be that of the first socket, which then is written to as stdout
// or stderr.
void OpenStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);  // takes the lowest number that is free: this one
  }
}

// Whatever the starter has done to them: SIGTERM and SIGINT end the process until the server listens to them. SIGPIPE (a reader is
// gone) and SIGXFSZ (a file has reached the greatest size that is allowed) do not: write(2) says so too.
void PrepareSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::OpenStandardStreams();
  hawser::PrepareSignals();
  std::set_new_handler(hawser::EndWithoutMemory);
  return hawser::Main(argc, argv);
}
