// The admin pages: one table of paths, and a function for each that renders what its sources know.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "proxy/server/process_log.h"
#include "proxy/server/server.h"

namespace hawser::admin {

struct Page {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct Sources {
  server::Server& server;
  const server::ProcessLog& log;
  uint64_t evictions;  // of admin connections
};

// Called once, at once or later, on the main thread.
using Reply = absl::AnyInvocable<void(Page)>;

struct PageSpec {
  std::string_view path;
  std::string_view help;
  void (*render)(const Sources& from, Reply reply);
};

std::span<const PageSpec> Pages();

// Renders the page at `path` (without a query), or a 404 that lists what there is.
void Render(const Sources& from, std::string_view path, Reply reply);

}  // namespace hawser::admin
