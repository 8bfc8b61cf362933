// What hawser says to words of the command line that it cannot use, and which spellings it accepts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::Not;
using Command = std::vector<std::string>;

TEST(CommandWords, AnOptionWithoutItsValueIsReportedByItsSpelling) {
  for (const auto& [command, told] : std::vector<std::pair<Command, std::string>>{
           {{"-c"}, "-c: the file is missing; expected -c FILE"},
           {{"run", "--config-path"}, "--config-path: the file is missing; expected --config-path FILE"},
           {{"check", "-c"}, "-c: the file is missing; expected -c FILE"},
           {{"--concurrency"}, "--concurrency: N is missing; expected --concurrency N"},
           {{"run", "-l"}, "-l: LEVEL is missing; expected -l LEVEL"},
           {{"demo", "--port"}, "--port: PORT is missing; expected --port PORT"},
           {{"schema", "--format"}, "--format: FORMAT is missing; expected --format FORMAT"}}) {
    const CommandResult result = RunHawser(command);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr("hawser: " + told + "\n"));
  }
}

TEST(CommandWords, AnOptionThatIsGivenTwiceIsReported) {
  for (const auto& [command, told] : std::vector<std::pair<Command, std::string>>{
           {{"-c", "a", "-c", "b"}, "-c is given twice"},
           {{"run", "-c", "a", "--config-path=b"}, "--config-path is given twice"},
           {{"run", "--concurrency", "1", "--concurrency", "2", "f"}, "--concurrency is given twice"},
           {{"check", "a", "-c", "a"}, "the file is given twice, as FILE and by -c"}}) {
    const CommandResult result = RunHawser(command);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr("hawser: " + told + "\n"));
  }
}

TEST(CommandWords, WordsOfOtherProgramsGetAHint) {
  for (const auto& [command, told] : std::vector<std::pair<Command, std::string>>{
           {{"-t"}, "unknown option -t; did you mean \"hawser check\"?"},
           {{"run", "-t", "f.yaml"}, "unknown option -t; did you mean \"hawser check\"?"},
           {{"validate", "f.yaml"}, "unknown command \"validate\"; did you mean \"hawser check\"?"},
           {{"serve", "f.yaml"}, "unknown command \"serve\"; did you mean \"hawser run\"?"},
           {{"-v"}, "unknown option -v; did you mean \"hawser version\"?"}}) {
    const CommandResult result = RunHawser(command);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr("hawser: " + told + "\n"));
  }
}

TEST(CommandWords, OptionsWithoutAFileAreAnError) {
  const CommandResult validate = RunHawser({"--mode", "validate"});
  EXPECT_EQ(validate.status, 2);
  EXPECT_THAT(validate.err,
              HasSubstr("hawser: a configuration file is missing; expected hawser check FILE\n"));
  const CommandResult serve = RunHawser({"-l", "info"});
  EXPECT_THAT(serve.err, HasSubstr("hawser: a configuration file is missing; expected hawser run FILE\n"));
  EXPECT_THAT(RunHawser({}).err, HasSubstr("Usage: hawser"));
}

TEST(CommandWords, CheckTakesTheOptionsOfRun) {
  Directory directory;
  const std::string file = WriteConfig(directory, "f.yaml", Config{.endpoints = {"127.0.0.1:9"}}.Yaml());
  EXPECT_EQ(RunHawser({"check", file, "-l", "debug", "--concurrency", "2"}).out, "OK\n");
  EXPECT_THAT(RunHawser({"check", "--help"}).out, Not(HasSubstr("--concurrency")));
  EXPECT_EQ(RunHawser({"check", "-c=" + file}).out, "OK\n");
  EXPECT_EQ(RunHawser({"--mode=validate", "-c=" + file, "-l=warn"}).out, "OK\n");
}

TEST(CommandWords, TheHelpNamesTheValues) {
  const std::string help = RunHawser({"help", "run"}).out;
  EXPECT_THAT(help, HasSubstr("-c,--config-path FILE"));
  EXPECT_THAT(help, HasSubstr("warning or warn"));
}

}  // namespace
}  // namespace hawser::integration
