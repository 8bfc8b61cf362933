// The words of the command line: commands, their options, and what is wrong with words that do not fit.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "CLI/CLI.hpp"

namespace hawser {

struct Options {
  std::string config_path;
  std::string mode = "serve";
  std::string log_level = "info";
  std::string schema_format = "json";
  std::string reference_page;
  std::string help_about;
  int workers = 0;  // 0: as many as cores
  uint16_t demo_port = 8443;
  bool watch = false;
};

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

// "unknown command "chek"; did you mean "check"?".
std::string UnknownCommand(const CommandLine& line, const std::string& word);

// Why CLI11 rejects `words`, the command line without the program's name.
std::string FaultOf(const CommandLine& line, const CLI::ParseError& error, std::span<char* const> words);

}  // namespace hawser
