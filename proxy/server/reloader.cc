#include "proxy/server/reloader.h"

#include <chrono>
#include <utility>

#include "config/reload.h"
#include "fmt/ranges.h"
#include "proxy/base/status_macros.h"
#include "proxy/server/changes.h"
#include "proxy/server/reload_report.h"
#include "proxy/server/start_check.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

using Kind = ReloadResult::Kind;

// What only a new process changes.
config::Config ProcessPart(const config::Config& config) {
  return {.admin = config.admin,
          .access_log = config.access_log,
          .drain = config.drain,
          .limits = config.limits,
          .dns = config.dns};
}

}  // namespace

Reloader::Reloader(event::Loop& loop, Builder& builder, Workshop& workshop, ConfigSource source,
                   const config::Config& started, Calls calls)
    : loop_(loop),
      builder_(builder),
      workshop_(workshop),
      source_(std::move(source)),
      started_(ProcessPart(started)),
      calls_(std::move(calls)),
      reloads_([this] { Begin(); }) {}

absl::Status Reloader::Start(const Generation& first) {
  if (!source_.watch) return absl::OkStatus();
  const auto changed = [this](const std::vector<std::string>& paths) {
    spdlog::info("changed, so the configuration is read again: {}", fmt::join(paths, ", "));
    Reload({});
  };
  const auto failed = [](const absl::Status& fault) {
    spdlog::error("--watch: {}", std::string(fault.message()));
  };
  HAWSER_ASSIGN_OR_RETURN(watch_, event::FileWatch::Create(loop_, {.changed = changed, .failed = failed}));
  good_files_ = PartsOf(*first.snapshot->config);
  Watch(good_files_, source_.read_at);
  return absl::OkStatus();
}

void Reloader::Watch(const std::vector<std::string>& files, event::FileTime since) {
  if (watch_ == nullptr) return;
  std::vector<std::string> paths = files;
  paths.push_back(source_.path);
  watch_->Watch(paths, since);
}

void Reloader::Reload(Reloads::Done done) {
  reloads_.Ask(std::move(done));
}

void Reloader::Begin() {
  if (calls_.ends()) return Finish({.kind = Kind::kDraining});
  InForce before = calls_.in_force();
  if (source_.path.empty()) {
    return Finish({.kind = Kind::kFailed,
                   .generation = before.generation->snapshot->generation,
                   .errors = {{.file = "hawser",
                               .what = "there is nothing to reload: " + source_.fixed,
                               .expected = "expected a configuration file"}}});
  }
  builder_.Run([this, before = std::move(before)] {
    loop_.Post([this, reading = Read(before)]() mutable { OnRead(std::move(reading)); });
  });
}

Reloader::Reading Reloader::Read(const InForce& before) {
  Reading reading{.began = std::chrono::system_clock::now()};
  ReloadResult& result = reading.result;
  result.generation = before.generation->snapshot->generation;
  const auto further = [&reading](const config::Config& config, const config::Checks& checks) {
    CheckLogFormat(config, checks);
    reading.files = PartsOf(config);
  };
  config::Loaded loaded = config::Load(source_.path, {.further = further});
  result.warnings = std::move(loaded.warnings);
  result.errors = std::move(loaded.errors);
  if (!loaded.ok()) return reading;
  result.waits_for_restart = config::WaitsForRestart(started_, *loaded.config);
  FileHashes hashes = HashFiles(*loaded.config, workshop_.hash_key);
  if (IsInForce(*loaded.config, hashes, *before.generation)) {
    result.kind = Kind::kUnchanged;
    if (auto setup = SetupFor(*loaded.config); setup.ok()) reading.built.setup = *std::move(setup);
    return reading;
  }
  reading.built = BuildGeneration(loaded, std::move(hashes), workshop_, &before, result.errors);
  if (reading.built.generation == nullptr) return reading;
  result.kind = Kind::kApplied;
  result.generation = reading.built.generation->snapshot->generation;
  NameChanges(before, *reading.built.generation, result);
  return reading;
}

void Reloader::OnRead(Reading reading) {
  if (calls_.ends()) {
    builder_.Run([built = std::move(reading.built)]() mutable { GiveUp(std::move(built)); });
    return Finish({.kind = Kind::kDraining, .generation = reading.result.generation});
  }
  // What is broken may be repaired in its own files, or by a return to the old ones.
  std::vector<std::string> watched = reading.files;
  if (reading.result.kind == Kind::kFailed) {
    watched.insert(watched.end(), good_files_.begin(), good_files_.end());
  } else {
    good_files_ = std::move(reading.files);
  }
  Watch(watched, reading.began);
  if (reading.built.generation == nullptr) {
    if (reading.built.setup) calls_.resolve_with(*std::move(reading.built.setup));
    return Finish(reading.result);
  }
  const auto took = std::chrono::system_clock::now() - reading.began;
  const base::TimePoint begin = loop_.ReadClock();
  calls_.apply(std::move(reading.built), [this, result = std::move(reading.result)] { Finish(result); });
  spdlog::debug("reload: built in {} ms, put in force by the main loop in {} us",
                std::chrono::duration_cast<std::chrono::milliseconds>(took).count(),
                std::chrono::duration_cast<std::chrono::microseconds>(loop_.ReadClock() - begin).count());
}

void Reloader::Finish(const ReloadResult& result) {
  LogReload(result);
  reloads_.Finish(result);
}

}  // namespace hawser::server
