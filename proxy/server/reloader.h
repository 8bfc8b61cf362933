// Reads the configuration again when somebody asks, or when its files have changed: on the builder's thread,
// beside what serves. A generation that has no error is handed over to be put in force; from any other the
// errors remain, and what serves goes on. Main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "config/load.h"
#include "proxy/event/file_watch.h"
#include "proxy/event/loop.h"
#include "proxy/server/builder.h"
#include "proxy/server/generation.h"
#include "proxy/server/reload_result.h"
#include "proxy/server/reloads.h"

namespace hawser::server {

// Where the configuration comes from.
struct ConfigSource {
  std::string path;                                            // empty: it cannot be read again
  std::string fixed = "";                                      // why not: "it was read from stdin"
  bool watch = false;                                          // reload when the files change
  event::FileTime read_at = std::chrono::system_clock::now();  // when the first reading began
};

class Reloader {
 public:
  struct Calls {
    absl::AnyInvocable<bool()> ends;         // whether the process is about to
    absl::AnyInvocable<InForce()> in_force;  // what the next generation is built from
    // Puts it in force, and calls `done` when every worker has it.
    absl::AnyInvocable<void(Built built, absl::AnyInvocable<void()> done)> apply;
    // Nothing has changed but perhaps the system's settings for names.
    absl::AnyInvocable<void(resolve::Setup)> resolve_with;
  };
  // All but `source` and `calls` must outlive this. `started`: the configuration that the process started
  // with.
  Reloader(event::Loop& loop, Builder& builder, Workshop& workshop, ConfigSource source,
           const config::Config& started, Calls calls);

  // Begins to watch the files of the generation in force, if the source asks for that.
  absl::Status Start(const Generation& first);

  // `done` may be empty.
  void Reload(Reloads::Done done);
  const Reloads& reloads() const { return reloads_; }
  const ConfigSource& source() const { return source_; }

 private:
  // What one reading came to.
  struct Reading {
    event::FileTime began = {};
    std::vector<std::string> files = {};  // that the configuration names; empty: it could not be told
    Built built = {};
    ReloadResult result = {};
  };

  void Begin();
  Reading Read(const InForce& before);  // builder thread
  void OnRead(Reading reading);
  void Finish(const ReloadResult& result);
  void Watch(const std::vector<std::string>& files, event::FileTime since);

  event::Loop& loop_;
  Builder& builder_;
  Workshop& workshop_;
  const ConfigSource source_;
  const config::Config started_;  // without listeners, routes and clusters
  Calls calls_;
  Reloads reloads_;
  std::unique_ptr<event::FileWatch> watch_;  // null: not asked for
  std::vector<std::string> good_files_;      // of the generation in force
};

}  // namespace hawser::server
