// The admin pages: one table of paths, and a function for each that renders what its sources know.
// docs/admin.md is made from the same tables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proxy/admin/samples.h"

namespace hawser::admin {

struct Page {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Called once, at once or later, on the main thread.
using Reply = absl::AnyInvocable<void(Page)>;

// One field of a page's JSON, for the documentation.
struct FieldSpec {
  std::string path;  // "clusters[].endpoints[].address"
  std::string_view type;
  std::string_view meaning;  // one sentence or two
};

struct PageSpec {
  std::string_view path;
  std::string_view help;          // one sentence or two
  std::string_view content_type;  // of a 200
  void (*render)(const Sources& from, Reply reply);
  std::vector<FieldSpec> (*fields)() = nullptr;  // null: the page is not JSON, or documented elsewhere
};

std::span<const PageSpec> Pages();

// Renders the page at `path` (without a query), or a 404 that says where the list of pages is.
void Render(const Sources& from, std::string_view path, Reply reply);

}  // namespace hawser::admin
