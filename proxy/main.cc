// The command line, and nothing else: hawser run | check | demo | schema | reference | help | version.
#include <algorithm>
#include <cerrno>
#include <charconv>
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
#include "absl/strings/ascii.h"
#include "config/json_schema.h"
#include "config/load.h"
#include "config/reference.h"
#include "config/suggest.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proxy/admin/admin_server.h"
#include "proxy/admin/reference.h"
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

struct Options {
  std::string config_path;
  std::string mode = "serve";
  std::string log_level = "info";
  std::string schema_format = "json";
  std::string reference_page;
  std::string help_about;
  int workers = 0;  // 0: as many as cores
  uint16_t demo_port = 8443;
};

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
  spdlog::info("admin on {} (plain), limits: {} connections, {} ms each, {} rows of /tunnels, {} of /clients",
               admin.address().ToString(), settings.connections, settings.timeout.count(),
               settings.tunnels_shown, settings.clients_shown);
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
  errors.push_back(loaded.At(*settings.address, WithAdvice(listening.status())));
  return nullptr;
}

// The demo's configuration is no file of the user's, so an error names the option that caused it.
std::string RenderError(const config::Diagnostic& error, const Options& options, bool demo) {
  if (!demo) return config::Render(error) + '\n';
  const bool port = error.path.starts_with("listeners");
  return fmt::format("hawser demo: {}{}; {}\n", port ? fmt::format("--port {}: ", options.demo_port) : "",
                     error.what, error.expected.empty() ? "expected another port" : error.expected);
}

int Serve(config::Loaded loaded, const Options& options, demo::Demo* demo) {
  auto log = server::ProcessLog::Start(options.log_level);
  if (!log.ok()) {
    Complain(log.status());
    return 1;
  }
  // Diagnostics go through the log too: if the reader of stderr is stuck, hawser still starts.
  for (const config::Diagnostic& warning : loaded.warnings) {
    (*log)->Write(fmt::format("warning: {}\n", config::Render(warning)));
  }
  const int workers = options.workers > 0 ? options.workers : server::AllowedCores();
  const server::OpenFiles files = server::PrepareOpenFiles(*loaded.config, workers);
  server::StartErrors errors;
  auto server = server::Server::Create(loaded, workers, errors);
  std::unique_ptr<admin::AdminServer> admin;
  if (server != nullptr) admin = ListenForAdmin(*server, **log, loaded, errors);
  for (const config::Diagnostic& error : errors) (*log)->Write(RenderError(error, options, demo != nullptr));
  if (!errors.empty()) return 1;
  server::AnnounceListeners(*server);
  if (admin != nullptr) AnnounceAdmin(*admin, server->snapshot().config->admin);
  server::AnnounceLimits(*server, files);
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
  config::Loaded loaded = config::LoadText((*demo)->Config(), "demo");
  for (const config::Diagnostic& error : loaded.errors) Say(STDERR_FILENO, RenderError(error, options, true));
  if (!loaded.ok()) return 1;
  return Serve(std::move(loaded), options, demo->get());
}

// Accepts these words in any case, and `short_forms` of some of them. CLI11 puts the option's name in front
// of the error.
CLI::Validator OneOf(std::vector<std::string_view> words, std::vector<std::string_view> short_forms = {}) {
  const auto check = [words = std::move(words), short_forms = std::move(short_forms)](std::string& text) {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return absl::ascii_tolower(c); });
    const bool known = std::ranges::find(words, lower) != words.end() ||
                       std::ranges::find(short_forms, lower) != short_forms.end();
    if (!known) return fmt::format("{} is not known; {}", config::Quote(text), config::Suggest(lower, words));
    text = std::move(lower);
    return std::string();
  };
  return CLI::Validator(check, "");
}

// A whole number, or a word that stands for `meaning`.
CLI::Validator Whole(int min, int max, std::string word = "", std::string meaning = "") {
  const auto check = [=](std::string& text) {
    const bool is_word = !word.empty() && text == word;
    if (is_word) text = meaning;
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (is_word || (whole && number >= min && number <= max)) return std::string();
    return fmt::format("{} is not possible; expected {}{} to {}", config::Quote(text),
                       word.empty() ? "" : word + " or ", min, max);
  };
  return CLI::Validator(check, "");
}

// The commands and their options, as CLI11 has them. Parsing fills `options`, which outlives it.
struct CommandLine {
  explicit CommandLine(Options& options);

  CLI::App app{"hawser: a reverse proxy made for WebSockets", "hawser"};
  CLI::App* run = app.add_subcommand("run", "serve a configuration");
  CLI::App* check = app.add_subcommand("check", "read a configuration and report every error");
  CLI::App* demo = app.add_subcommand("demo", "a proxy, three backends and a page to see it work");
  CLI::App* schema = app.add_subcommand("schema", "print the JSON Schema of the configuration");
  CLI::App* reference = app.add_subcommand("reference", "print a page of the reference in docs/");
  CLI::App* help = app.add_subcommand("help", "print this, or what a command takes");
  CLI::App* version = app.add_subcommand("version", "print the version");
};

void AddOption(CLI::App& command, const char* names, auto& value, const char* type, const char* help,
               const CLI::Validator& validator = {}) {
  command.add_option(names, value, help)->type_name(type)->transform(validator);
}

void AddConfig(CLI::App& command, const char* names, Options& options) {
  AddOption(command, names, options.config_path, "", "the configuration file (YAML); - reads it from stdin");
}

void AddServing(CLI::App& command, Options& options) {
  AddOption(command, "--concurrency", options.workers, "N",
            "worker threads, 1 to 1024; auto (the default): as many as cores that this process may use",
            Whole(1, 1024, "auto", "0"));
  AddOption(command, "-l,--log-level", options.log_level, "LEVEL",
            "trace, debug, info (the default), warning, error or critical: what hawser's own log tells",
            OneOf({"trace", "debug", "info", "warning", "error", "critical"}, {"warn", "err"}));
}

void AddMode(CLI::App& command, Options& options) {
  AddOption(command, "--mode", options.mode, "MODE",
            "serve (the default), or validate: the same as hawser check, spelled as in Envoy",
            OneOf({"serve", "validate"}));
}

CommandLine::CommandLine(Options& options) {
  app.set_version_flag("--version", "hawser " HAWSER_VERSION, "print the version");
  app.require_subcommand(0, 1);
  app.footer(
      "Examples:\n"
      "  hawser check hawser.yaml     prints OK, or every error with its line and column\n"
      "  hawser run hawser.yaml       serves; hawser -c hawser.yaml does the same\n"
      "  hawser run - < hawser.yaml   reads stdin; relative paths are relative to the working directory\n"
      "  hawser demo                  needs no file\n");
  AddConfig(app, "-c,--config-path", options);
  AddMode(app, options);
  AddServing(app, options);
  AddConfig(*run, "FILE,-c,--config-path", options);
  AddMode(*run, options);
  AddServing(*run, options);
  AddConfig(*check, "FILE,-c,--config-path", options);
  AddOption(*demo, "--port", options.demo_port, "PORT",
            "port of the TLS listener on 127.0.0.1, 8443 by default; 0: any free one", Whole(0, 65535));
  AddServing(*demo, options);
  AddOption(*schema, "--format", options.schema_format, "FORMAT",
            "json (the default), or markdown: the reference in docs/config.md", OneOf({"json", "markdown"}));
  AddOption(*reference, "PAGE", options.reference_page, "", "metrics, access-log or admin",
            OneOf(admin::ReferencePages()));
  AddOption(*help, "COMMAND", options.help_about, "", "the command to tell about");
}

std::string UnknownCommand(const CommandLine& line, const std::string& word) {
  std::vector<std::string_view> commands;
  for (const CLI::App* command : line.app.get_subcommands({})) commands.push_back(command->get_name());
  const bool file = word.find_first_of("./") != std::string::npos;
  return fmt::format(
      "unknown command {}; {}", config::Quote(word),
      file ? fmt::format("did you mean \"hawser run {}\"?", word) : config::Suggest(word, commands));
}

// The error for the first word that no command accepts.
std::string Unexpected(const CommandLine& line, const std::string& word) {
  const std::vector<CLI::App*> given = line.app.get_subcommands();
  const CLI::App& command = given.empty() ? line.app : *given.front();
  if (word.starts_with('-') && word.size() > 1) {
    const std::string bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    std::vector<std::string_view> known;
    for (const CLI::Option* option : command.get_options()) {
      if (!option->get_lnames().empty()) known.push_back(option->get_lnames().front());
    }
    const std::string_view nearest = config::Nearest(bare.substr(0, bare.find('=')), known);
    return fmt::format("unknown option {}{}", word,
                       nearest.empty() ? "" : fmt::format("; did you mean --{}?", nearest));
  }
  if (given.empty()) return UnknownCommand(line, word);
  return fmt::format("{} is one argument too many for {}", config::Quote(word), command.get_name());
}

int Misused(std::string_view what) {
  Say(STDERR_FILENO, fmt::format("hawser: {}\nRun \"hawser help\" for more.\n", what));
  return kUsageError;
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
    const std::vector<std::string> unexpected = line.app.remaining(true);
    return Misused(unexpected.empty() ? error.what() : Unexpected(line, unexpected.front()));
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
  if (!given.empty()) {
    return Misused(
        fmt::format("a configuration file is missing; expected hawser {} FILE", given.front()->get_name()));
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
