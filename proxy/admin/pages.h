// The admin pages: one table of paths, and a function for each that renders what its sources know.
// docs/admin.md is made from the same tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proxy/admin/samples.h"

namespace hawser::admin {

struct Request {
  std::string_view method;
  std::string_view path;  // without a query
  const Counts& counts;
};

struct Page {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string_view allow = {};  // of a 405: methods
};

// Called once, at once or later, on the main thread.
using Reply = absl::AnyInvocable<void(Page)>;

// One field of a page's JSON, for the documentation.
struct FieldSpec {
  std::string path;  // "clusters[].endpoints[].address"
  std::string_view type;
  std::string_view meaning;  // one sentence or two
};

enum class Method : uint8_t {
  kGet,   // and HEAD; such a page changes nothing
  kPost,  // such a page does something
};

struct PageSpec {
  std::string_view path;
  Method method;
  std::string_view help;          // one sentence or two
  std::string_view content_type;  // of a 200
  void (*render)(const Sources& from, Reply reply);
  std::vector<FieldSpec> (*fields)() = nullptr;  // null: the page is not JSON, or documented elsewhere
};

std::span<const PageSpec> Pages();

// Renders the page that `request` asks for. Without such a page it is a 404 that says where the list of pages
// is, and for a method that the page does not take a 405 (RFC 9110 §15.5.6).
void Render(const Sources& from, const Request& request, Reply reply);

}  // namespace hawser::admin
