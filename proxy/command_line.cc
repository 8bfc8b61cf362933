#include "proxy/command_line.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "config/diagnostic.h"
#include "config/suggest.h"
#include "fmt/format.h"
#include "proxy/admin/reference.h"

namespace hawser {
namespace {

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

// "-c=FILE" leaves the = to the value.
CLI::Validator WithoutEqualsSign() {
  const auto strip = [](std::string& text) {
    if (text.starts_with('=')) text.erase(0, 1);
    return std::string();
  };
  return CLI::Validator(strip, "");
}

CLI::Option* AddOption(CLI::App& command, const char* names, auto& value, const char* type, const char* help,
                       const CLI::Validator& validator = {}) {
  return command.add_option(names, value, help)
      ->type_name(type)
      ->transform(validator)
      ->transform(WithoutEqualsSign());  // the last one is the first to run
}

CLI::Option* AddConfig(CLI::App& command, Options& options) {
  return AddOption(command, "-c,--config-path", options.config_path, "FILE",
                   "the configuration file (YAML); - reads it from stdin");
}

// The file by itself, or behind -c. CLI::Option::excludes would say so in the help, in words of its own.
void AddFile(CLI::App& command, Options& options) {
  const CLI::Option* alone = AddOption(command, "FILE", options.config_path, "",
                                       "the configuration file (YAML); - reads it from stdin");
  const CLI::Option* named = AddConfig(command, options);
  command.final_callback([alone, named] {
    if (*alone && *named) throw CLI::ExcludesError(alone->get_name(), named->get_name());
  });
}

enum class InHelp { kShown, kHidden };

void AddServing(CLI::App& command, Options& options, InHelp help = InHelp::kShown) {
  CLI::Option* workers =
      AddOption(command, "--concurrency", options.workers, "N",
                "worker threads, 1 to 1024; auto (the default): as many as cores that this process may use",
                Whole(1, 1024, "auto", "0"));
  CLI::Option* level =
      AddOption(command, "-l,--log-level", options.log_level, "LEVEL",
                "trace, debug, info (the default), warning or warn, error or err, critical: what hawser's "
                "own log tells",
                OneOf({"trace", "debug", "info", "warning", "error", "critical"}, {"warn", "err"}));
  if (help == InHelp::kShown) return;
  workers->group("");
  level->group("");
}

void AddWatch(CLI::App& command, Options& options, InHelp help = InHelp::kShown) {
  CLI::Option* watch =
      command.add_flag("--watch", options.watch, "reload when the file, or one that it names, has changed");
  if (help == InHelp::kHidden) watch->group("");
}

void AddMode(CLI::App& command, Options& options) {
  AddOption(command, "--mode", options.mode, "MODE",
            "serve (the default), or validate: the same as hawser check, spelled as in Envoy",
            OneOf({"serve", "validate"}));
}

// The command for a word of another program; empty if the word is none.
std::string_view Meant(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"t", "check"},      {"test", "check"},       {"validate", "check"},
      {"verify", "check"}, {"configtest", "check"}, {"serve", "run"},
      {"start", "run"},    {"v", "version"},        {"V", "version"},
  };
  for (const auto& [theirs, ours] : kWords) {
    if (word == theirs) return ours;
  }
  return {};
}

// The error for the first word that no command accepts.
std::string Unexpected(const CommandLine& line, const std::string& word) {
  const std::vector<CLI::App*> given = line.app.get_subcommands();
  const CLI::App& command = given.empty() ? line.app : *given.front();
  if (word.starts_with('-') && word.size() > 1) {
    const std::string bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    if (const auto meant = Meant(bare); !meant.empty()) {
      return fmt::format("unknown option {}; did you mean \"hawser {}\"?", word, meant);
    }
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

// "-c" or "--config-path": the option as its last use in `words` spells it.
std::string Spelling(const CLI::Option& option, std::span<char* const> words) {
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    const std::string_view text = *word;
    for (const std::string& name : option.get_lnames()) {
      if (text.substr(0, text.find('=')) == "--" + name) return "--" + name;
    }
    for (const std::string& name : option.get_snames()) {
      if (text.starts_with("-" + name)) return "-" + name;
    }
  }
  return option.get_name();
}

// The option that an error's text begins with; null if there is none.
const CLI::Option* OptionIn(const CommandLine& line, std::string_view what) {
  std::vector<const CLI::App*> commands = {&line.app};
  for (const CLI::App* given : line.app.get_subcommands()) commands.push_back(given);
  for (auto command = commands.rbegin(); command != commands.rend(); ++command) {
    for (const CLI::Option* option : (*command)->get_options()) {
      if (what.starts_with(option->get_name() + ":")) return option;
    }
  }
  return nullptr;
}

}  // namespace

CommandLine::CommandLine(Options& options) {
  app.set_version_flag("--version", "hawser " HAWSER_VERSION, "print the version");
  app.require_subcommand(0, 1);
  app.footer(
      "Examples:\n"
      "  hawser check hawser.yaml     prints OK, or every error with its line and column\n"
      "  hawser run hawser.yaml       serves; hawser -c hawser.yaml does the same\n"
      "  hawser run - < hawser.yaml   reads stdin; relative paths are relative to the working directory\n"
      "  hawser demo                  needs no file\n");
  AddConfig(app, options);
  AddMode(app, options);
  AddServing(app, options);
  AddWatch(app, options);
  AddFile(*run, options);
  AddMode(*run, options);
  AddServing(*run, options);
  AddWatch(*run, options);
  AddFile(*check, options);
  AddWatch(*check, options, InHelp::kHidden);
  AddServing(*check, options, InHelp::kHidden);  // so that `run` can be replaced by `check` in a long command
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
  if (const auto meant = Meant(word); !meant.empty()) {
    return fmt::format("unknown command {}; did you mean \"hawser {}\"?", config::Quote(word), meant);
  }
  std::vector<std::string_view> commands;
  for (const CLI::App* command : line.app.get_subcommands({})) commands.push_back(command->get_name());
  const bool file = word.find_first_of("./") != std::string::npos;
  return fmt::format(
      "unknown command {}; {}", config::Quote(word),
      file ? fmt::format("did you mean \"hawser run {}\"?", word) : config::Suggest(word, commands));
}

std::string FaultOf(const CommandLine& line, const CLI::ParseError& error, std::span<char* const> words) {
  if (const std::vector<std::string> extra = line.app.remaining(true); !extra.empty()) {
    return Unexpected(line, extra.front());
  }
  const std::string_view what = error.what();
  const CLI::Option* option = OptionIn(line, what);
  const auto code = static_cast<CLI::ExitCodes>(error.get_exit_code());
  if (code == CLI::ExitCodes::ExcludesError) return "the file is given twice, as FILE and by -c";
  if (code != CLI::ExitCodes::ArgumentMismatch || option == nullptr) return std::string(what);
  const std::string name = Spelling(*option, words);
  if (!what.ends_with(" missing")) return name + " is given twice";
  const std::string type = option->get_type_name();
  return fmt::format("{0}: {1} is missing; expected {0} {2}", name, type == "FILE" ? "the file" : type, type);
}

}  // namespace hawser
