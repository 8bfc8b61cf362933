// The command line, and nothing else: hawser run | check | demo | schema | version.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "config/json_schema.h"
#include "config/load.h"
#include "config/reference.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proxy/admin/admin_server.h"
#include "proxy/demo/demo.h"
#include "proxy/event/signals.h"
#include "proxy/server/machine.h"
#include "proxy/server/server.h"
#include "proxy/server/start_check.h"
#include "spdlog/async.h"
#include "spdlog/sinks/stdout_sinks.h"
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

void StartLog(const std::string& level) {
  spdlog::init_thread_pool(8192, 1);
  // Never waits for whoever reads stderr: a worker may log.
  auto log = std::make_shared<spdlog::async_logger>(
      "hawser", std::make_shared<spdlog::sinks::stderr_sink_mt>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(log));
}

void Print(const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    fmt::print(stderr, "{}\n", config::Render(diagnostic));
  }
}

void Announce(const server::Server& server, const admin::AdminServer* admin) {
  const session::Snapshot& snapshot = server.snapshot();
  for (const session::ListenerRuntime& listener : snapshot.listeners) {
    const config::ListenerLimits& limits = listener.settings.limits;
    const auto& rate = limits.connection_rate_per_ip;
    spdlog::info(
        "listener {} on {} ({}), limits: {} connections, {} per IP, {}", listener.settings.name,
        server.bound(listener.index).ToString(), listener.tls != nullptr ? "tls" : "plain",
        limits.connections,
        limits.connections_per_ip == 0 ? "any number" : fmt::to_string(limits.connections_per_ip),
        rate ? fmt::format("{}/s per IP (burst {})", rate->rate.per_second, rate->burst) : "any rate per IP");
  }
  if (admin != nullptr) spdlog::info("admin on {}", admin->address().ToString());
  spdlog::info(
      "limits: {} open files (two for each tunnel), {} per-IP rows, {} Socket.IO sessions, {} compression "
      "contexts each way for each worker, {} MiB of memory; {} workers",
      server::RaiseOpenFiles(), snapshot.config->limits.per_ip_entries,
      snapshot.config->limits.socket_io_sessions, snapshot.config->limits.compression_contexts,
      server::MemoryLimit() / (1024 * 1024), server.workers());
}

int Serve(config::Loaded loaded, int workers, demo::Demo* demo) {
  server::RaiseOpenFiles();
  server::StartErrors errors;
  auto server = server::Server::Create(loaded, workers, errors);
  std::unique_ptr<admin::AdminServer> admin;
  if (server != nullptr && server->snapshot().config->admin.address) {
    const auto& address = server->snapshot().config->admin.address;
    auto listening = admin::AdminServer::Listen(*server, *address);
    if (!listening.ok()) errors.push_back(loaded.At(*address, std::string(listening.status().message())));
    if (listening.ok()) admin = std::move(*listening);
  }
  Print(errors);
  if (!errors.empty()) return 1;
  Announce(*server, admin.get());
  if (demo != nullptr) {
    demo->Start(server->stats());
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
  for (const config::Diagnostic& warning : loaded.warnings) {
    fmt::print(stderr, "warning: {}\n", config::Render(warning));
  }
  if (!serves) {
    fmt::print("OK\n");
    return 0;
  }
  StartLog(options.log_level);
  const int workers = options.workers > 0 ? options.workers : server::AllowedCores();
  return Serve(std::move(loaded), workers, nullptr);
}

int RunDemo(const Options& options) {
  auto demo = demo::Demo::Create(options.demo_port);
  if (!demo.ok()) {
    fmt::print(stderr, "hawser: {}\n", demo.status().ToString());
    return 1;
  }
  config::Loaded loaded = config::LoadText((*demo)->Config(), "demo.yaml");
  Print(loaded.errors);
  if (!loaded.ok()) return 1;
  StartLog(options.log_level);
  const int workers = options.workers > 0 ? options.workers : server::AllowedCores();
  return Serve(std::move(loaded), workers, demo->get());
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

  if (*version) {
    fmt::print("hawser {}\n", HAWSER_VERSION);
    return 0;
  }
  if (*schema) {
    fmt::print("{}", options.schema_format == "json" ? config::JsonSchema().dump(2) + '\n'
                                                     : config::ReferenceMarkdown());
    return 0;
  }
  if (*demo) return RunDemo(options);
  if (*check) options.mode = "validate";
  if (options.config_path.empty()) {
    fmt::print(stderr, "{}", app.get_subcommands().empty() ? app.help() : "hawser: -c FILE is missing\n");
    return kUsageError;
  }
  return Run(options);
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  // Before any thread starts, so that signals come to the server's main loop alone.
  hawser::event::BlockSignals(hawser::server::kSignals);
  signal(SIGPIPE, SIG_IGN);
  const int status = hawser::Main(argc, argv);
  spdlog::shutdown();  // writes what is queued
  return status;
}
