// What the commands do: hawser run | check | demo | schema | reference | help | version.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "CLI/CLI.hpp"
#include "config/form.h"
#include "config/json_schema.h"
#include "config/load.h"
#include "config/reference.h"
#include "config/units.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proxy/admin/admin_server.h"
#include "proxy/admin/reference.h"
#include "proxy/base/status_macros.h"
#include "proxy/command_line.h"
#include "proxy/demo/demo.h"
#include "proxy/server/machine.h"
#include "proxy/server/process_log.h"
#include "proxy/server/server.h"
#include "proxy/server/start_check.h"
#include "proxy/server/start_report.h"
#include "spdlog/spdlog.h"

namespace hawser {
namespace {

constexpr int kUsageError = 2;

// Writes all of `text`, and waits for room if the descriptor is non-blocking. False if it cannot be written.
// Used before the server starts, when nothing else runs; Ctrl-C ends the wait.
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

std::string WithAdvice(const absl::Status& status) {
  const std::string advice = server::AdviceFor(status);
  return fmt::format("{}{}{}", std::string(status.message()), advice.empty() ? "" : "; ", advice);
}

void Complain(const absl::Status& status) {
  Say(STDERR_FILENO, fmt::format("hawser: {}\n", WithAdvice(status)));
}

void Print(const std::vector<config::Diagnostic>& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics) {
    Say(STDERR_FILENO, config::Render(diagnostic) + '\n');
  }
}

// Writes a command's output. Returns its exit status.
int Answer(std::string_view text) {
  if (Say(STDOUT_FILENO, text)) return 0;
  const bool nobody_reads = errno == EPIPE;  // `hawser schema | head`: no error
  if (!nobody_reads) Complain(absl::ErrnoToStatus(errno, "cannot write to stdout"));
  return 1;
}

void AnnounceAdmin(const admin::AdminServer& admin, const config::Admin& settings) {
  spdlog::info("admin on {} (plain), limits: {} connections, timeout {}, {} rows of /tunnels, {} of /clients",
               admin.address().ToString(), settings.connections, config::FormatDuration(settings.timeout),
               settings.tunnels_shown, settings.clients_shown);
}

std::unique_ptr<admin::AdminServer> MakeAdmin(server::Server& server, const server::ProcessLog& log,
                                              const config::Loaded& loaded, server::StartErrors& errors) {
  auto admin = std::make_unique<admin::AdminServer>(
      server.loop(), [&server, &log](const admin::Request& request, admin::Reply reply) {
        admin::Render({server, log, request.counts}, request, std::move(reply));
      });
  const absl::Status status =
      server.ServeAdmin([&admin = *admin](const config::Admin& settings, net::Socket socket) {
        const bool moved = socket.open();
        HAWSER_RETURN_IF_ERROR(admin.Apply(settings, std::move(socket)));
        if (moved) AnnounceAdmin(admin, settings);
        return absl::OkStatus();
      });
  if (!status.ok()) errors.push_back(loaded.At(server.snapshot().config->admin, WithAdvice(status)));
  return admin;
}

// The demo's configuration is no file of the user's, so an error names the option that caused it.
std::string RenderError(const config::Diagnostic& error, const Options& options, bool demo) {
  if (!demo) return config::Render(error) + '\n';
  const bool port = error.path.starts_with("listeners");
  return fmt::format("hawser demo: {}{}; {}\n", port ? fmt::format("--port {}: ", options.demo_port) : "",
                     error.what, error.expected.empty() ? "expected another port" : error.expected);
}

int Serve(config::Loaded loaded, server::ConfigSource source, const Options& options, demo::Demo* demo) {
  auto log = server::ProcessLog::Start(options.log_level);
  if (!log.ok()) {
    Complain(log.status());
    return 1;
  }
  // Diagnostics go through the log too: if the reader of stderr is stuck, hawser still starts.
  for (const config::Diagnostic& warning : loaded.warnings) {
    (*log)->Write(config::RenderWarning(warning) + '\n');
  }
  const int workers = options.workers > 0 ? options.workers : server::AllowedCores();
  const server::OpenFiles files = server::PrepareOpenFiles(*loaded.config, workers);
  server::StartErrors errors;
  auto server = server::Server::Create(loaded, std::move(source), workers, errors);
  std::unique_ptr<admin::AdminServer> admin;
  if (server != nullptr) admin = MakeAdmin(*server, **log, loaded, errors);
  for (const config::Diagnostic& error : errors) (*log)->Write(RenderError(error, options, demo != nullptr));
  if (!errors.empty()) return 1;
  server::AnnounceListeners(*server);
  server::AnnounceLimits(*server, files);
  server::KeepOpenFiles(files);
  absl::Status started = server->Start();
  if (started.ok() && demo != nullptr) started = demo->Start(server->stats());
  if (!started.ok()) {
    spdlog::critical("{}", WithAdvice(started));
    return 1;
  }
  if (demo != nullptr) {
    const uint16_t port = server->bound(0).port();
    spdlog::info("demo on https://127.0.0.1:{}/ (the certificate is its own: the browser will ask)", port);
  }
  if (server->phase() == server::Server::Phase::kServing) spdlog::info("ready");
  const int status = server->Run();
  if (demo != nullptr) demo->Stop();  // it reads the server's counters
  admin.reset();
  return status;
}

int Misused(std::string_view what) {
  Say(STDERR_FILENO, fmt::format("hawser: {}\nRun \"hawser help\" for more.\n", what));
  return kUsageError;
}

int Run(const Options& options) {
  const bool serves = options.mode == "serve";
  const auto further = [serves](const config::Config& config, const config::Checks& checks) {
    server::CheckLogFormat(config, checks);
    if (serves) server::CheckMachine(config, checks);
  };
  server::ConfigSource source{.path = options.config_path, .watch = options.watch};
  if (source.path == "-") source = {.fixed = "the configuration was read from stdin"};
  if (serves && options.watch && source.path.empty()) return Misused("--watch needs a file, not stdin");
  config::Loaded loaded = config::Load(options.config_path, {.further = further});
  Print(loaded.errors);
  if (!loaded.ok()) return 1;
  if (serves) return Serve(std::move(loaded), std::move(source), options, nullptr);
  for (const config::Diagnostic& warning : loaded.warnings) {
    Say(STDERR_FILENO, config::RenderWarning(warning) + '\n');
  }
  return Answer("OK\n");
}

int RunDemo(const Options& options) {
  auto demo = demo::Demo::Create(options.demo_port);
  if (!demo.ok()) {
    Complain(demo.status());
    return 1;
  }
  config::Loaded loaded = config::LoadText((*demo)->Config(), "demo");
  for (const config::Diagnostic& error : loaded.errors) Say(STDERR_FILENO, RenderError(error, options, true));
  if (!loaded.ok()) return 1;
  return Serve(std::move(loaded), {.fixed = "the demo has a configuration of its own"}, options, demo->get());
}

int Help(CommandLine& line, const std::string& about) {
  line.app.clear();  // or CLI11 prints the help of the given command, which is help itself
  if (about.empty()) return Answer(line.app.help());
  for (const CLI::App* command : line.app.get_subcommands({})) {
    if (command->get_name() == about) return Answer(command->help("hawser"));
  }
  return Misused(UnknownCommand(line, about));
}

int Main(int argc, char** argv) {
  Options options;
  CommandLine line(options);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // help and version come this way too
    if (error.get_exit_code() == 0) return line.app.exit(error);
    return Misused(FaultOf(line, error, std::span(argv + std::min(argc, 1), argv + argc)));
  }

  if (*line.help) return Help(line, options.help_about);
  if (*line.version) return Answer(fmt::format("hawser {}\n", HAWSER_VERSION));
  if (*line.schema) {
    return Answer(options.schema_format == "json" ? config::JsonSchema().dump(2) + '\n'
                                                  : config::ReferenceMarkdown());
  }
  if (*line.reference && options.reference_page.empty()) {
    return Misused("a page is missing; expected hawser reference metrics, access-log or admin");
  }
  if (*line.reference) return Answer(admin::ReferenceMarkdown(options.reference_page));
  if (*line.demo) return RunDemo(options);
  if (*line.check) options.mode = "validate";
  if (!options.config_path.empty()) return Run(options);
  const std::vector<CLI::App*> given = line.app.get_subcommands();
  if (!given.empty() || argc > 1) {
    return Misused(fmt::format("a configuration file is missing; expected hawser {} FILE",
                               options.mode == "serve" ? "run" : "check"));
  }
  Say(STDERR_FILENO, line.app.help());
  return kUsageError;
}

// hawser cannot go on. One line says so; an uncaught exception would print less.
[[noreturn]] void EndWithoutMemory() {
  Say(STDERR_FILENO, "hawser: out of memory\n");
  _exit(1);
}

// If one of the descriptors 0 to 2 is closed at start, the first socket would get its number and receive the
// output to stdout or stderr.
void OpenStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);  // takes the lowest number that is free: this one
  }
}

// Resets inherited signal settings. SIGTERM and SIGINT end the process until the server handles them. SIGPIPE
// (the reader is gone) and SIGXFSZ (a file has reached its maximum size) are ignored: write(2) reports both
// as errors.
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
