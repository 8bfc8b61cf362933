#include "proxy/admin/reference.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/samples.h"
#include "proxy/base/check.h"
#include "proxy/http/reject.h"
#include "proxy/session/access_log.h"
#include "proxy/stats/metrics.h"
#include "proxy/ws/violation.h"

namespace hawser::admin {
namespace {

using stats::FamilySpec;
using stats::MetricType;

// --- Metrics ---

constexpr std::string_view kMetricsIntroduction = R"(# Metrics

<!-- Generated from the tables in the code: hawser reference metrics > docs/metrics.md -->

The admin listener serves these at `/metrics` in the Prometheus text format. Counters begin at 0 when hawser
starts. Numbers of workers are summed. [operations.md](operations.md) says which ones answer which question.

| metric | type | meaning | labels |
|---|---|---|---|
)";

constexpr std::string_view kNamesNote = R"(
The labels `cluster`, `endpoint` and `listener` have the names and addresses of the configuration. `reason` of
`hawser_rejects_total` has the values that [access-log.md](access-log.md) lists.
)";

void AppendFamily(std::string& page, std::string_view name, std::string_view type, std::string_view help,
                  std::string_view labels) {
  page += fmt::format("| `{}` | {} | {} | {} |\n", name, type, help, labels);
}

std::string_view NameOf(MetricType type) {
  return type == MetricType::kCounter ? "counter" : "gauge";
}

// The rows of one family, which stand together, as one row: `label`: `value`, `value`.
template <typename Spec>
std::string LabelsOf(std::span<const Spec> family) {
  if (family.front().label.empty()) return {};
  std::string labels = fmt::format("`{}`: ", family.front().label);
  for (const Spec& row : family) {
    labels += fmt::format("{}`{}`", labels.ends_with(": ") ? "" : ", ", row.value);
  }
  return labels;
}

// Calls visit(rows) for each family of `table`.
template <typename Spec, typename Visit>
void ForEachFamily(std::span<const Spec> table, Visit visit) {
  for (size_t begin = 0, end = 0; begin < table.size(); begin = end) {
    while (end < table.size() && table[end].name == table[begin].name) ++end;
    visit(table.subspan(begin, end - begin));
  }
}

std::string ClosesLabels() {
  std::string text = fmt::format("`{}`:", stats::kClosesFamily.labels[0]);
  for (size_t by = 1; by < static_cast<size_t>(http::ClosedBy::kCount); ++by) {
    text += fmt::format("{} `{}`", by == 1 ? "" : ",", http::LabelOf(static_cast<http::ClosedBy>(by)));
  }
  text += fmt::format("; `{}`:", stats::kClosesFamily.labels[1]);
  for (size_t code = 0; code < stats::kCloseCodes; ++code) {
    text += fmt::format("{} `{}`", code == 0 ? "" : ",", stats::CloseCodeLabel(code));
  }
  return text;
}

void AppendSampleFamilies(std::string& page) {
  for (const std::span<const FamilySpec> families : SampleFamilies()) {
    for (const FamilySpec& family : families) {
      const std::string labels =
          family.labels.empty() ? "" : fmt::format("`{}`", fmt::join(family.labels, "`, `"));
      AppendFamily(page, family.name, NameOf(family.type), family.help, labels);
    }
  }
}

// --- The access log ---

constexpr std::string_view kAccessLogIntroduction = R"(# The access log

<!-- Generated from the tables in the code: hawser reference access-log > docs/access-log.md -->

hawser writes one line for every request and every tunnel when it ends. `access_log` in the configuration says where. With
`format: json` a line is a JSON object with the fields below, in this order; each is present unless its row says otherwise.
Any other format is text with `%field%` operators, in which an empty field shows as `-` and `%%` is a percent sign. Bytes of a
request that are not printable ASCII are written as `\u00XX`.

Lines are written 20 ms after the first of them came. What waits is bounded (`access_log.queue`): when the disk cannot keep
up, new lines are dropped and counted in `hawser_access_log_dropped_total`; no worker waits.

## Fields

| field | type | unit | meaning | when there is nothing to say |
|---|---|---|---|---|
)";

constexpr std::string_view kReasonsIntroduction = R"(
## Reasons

`status` is the HTTP status that the client gets where it has had no answer yet; a dash means that the connection just ends.
`close code` is the code of the close frame to the client of an open tunnel; a dash means that the reason does not occur there,
or that no close frame can be sent. Configuration may change it: `websocket.backend_lost_code` for a lost backend and for
one that does not answer a ping. `Retry-After` is in seconds, and each response draws its own
within these bounds, so that clients that are refused together do not come back together. The response's body, or the close
frame's reason, is the text.
Each reason counts in `hawser_rejects_total`.

| `reason` | `flag` | status | close code | `closed_by` | `Retry-After` | text | what to do |
|---|---|---|---|---|---|---|---|
)";

constexpr std::string_view kFlagsIntroduction = R"(
## Flags

| `flag` | meaning |
|---|---|
)";

constexpr std::string_view kViolationsIntroduction = R"(
## Violations

| `violation` | text of the close frame |
|---|---|
)";

std::string OrDash(int number) {
  return number == 0 ? "–" : fmt::to_string(number);
}

std::string RangeOrDash(int least) {
  return least == 0 ? "–" : fmt::format("{} to {}", least, 2 * least);
}

// --- The admin pages ---

constexpr std::string_view kAdminIntroduction = R"(# The admin pages

<!-- Generated from the tables in the code: hawser reference admin > docs/admin.md -->

The admin listener (`admin.address`) has no authentication: bind it to loopback or to a Unix socket. Pages take GET and HEAD
and change nothing, but for those with `POST` before their path, which take POST only. Another method is answered 405, a path
that is not below 404. No page takes parameters: a query is ignored, and so is a body. A POST with a body of unknown length is
answered 411, with one above 64 KiB 413. Every response ends its connection, and caches must not keep it
(`Cache-Control: no-store`).

Web pages of others, open in an operator's browser, can reach the listener too. So a request is answered 403, whatever its page
and method, if its host is neither an IP address nor `localhost` nor in `admin.hosts` (a Unix socket takes any host, and a
request of HTTP/1.0 needs none);
if its `Origin` is not `http://` and its host; or if its `Sec-Fetch-Site` is neither `same-origin` nor `none`.
`hawser_admin_refused_total` counts them.

A connection ends `admin.timeout` after it was accepted, answered or not. For a POST the time stops with its request, since what
it has begun is not undone, and starts anew with its answer. A POST that has waited for longer than `admin.timeout` may be
closed to make room for a new connection.

Fields of JSON pages are always present unless their meaning says otherwise. `[]` stands for each element of a list.
)";

std::string MetricsMarkdown() {
  std::string page(kMetricsIntroduction);
  ForEachFamily(stats::MetricTable(), [&page](std::span<const stats::MetricSpec> family) {
    const stats::MetricSpec& first = family.front();
    AppendFamily(page, first.name, NameOf(first.type), first.help, LabelsOf(family));
  });
  const FamilySpec& rejects = stats::kRejectsFamily;
  AppendFamily(page, rejects.name, NameOf(rejects.type), rejects.help,
               fmt::format("`{}`", rejects.labels[0]));
  const FamilySpec& closes = stats::kClosesFamily;
  AppendFamily(page, closes.name, NameOf(closes.type), closes.help, ClosesLabels());
  ForEachFamily(stats::HistogramTable(), [&page](std::span<const stats::HistogramSpec> family) {
    const stats::HistogramSpec& first = family.front();
    AppendFamily(page, first.name, "histogram", first.help, LabelsOf(family));
  });
  AppendSampleFamilies(page);
  page += kNamesNote;
  return page;
}

std::string AccessLogMarkdown() {
  std::string page(kAccessLogIntroduction);
  for (const session::LogFieldSpec& field : session::LogFields()) {
    page += fmt::format("| `{}` | {} | {} | {} | {} |\n", field.name, field.type, field.unit, field.meaning,
                        field.absent);
  }
  page += kReasonsIntroduction;
  for (const http::RejectSpec& row : http::RejectTable()) {
    if (row.reject == http::Reject::kNone) continue;
    page += fmt::format("| `{}` | `{}` | {} | {} | `{}` | {} | {} | {} |\n", row.label, row.flag,
                        OrDash(row.status), OrDash(row.close_code), http::LabelOf(row.closed_by),
                        RangeOrDash(row.retry_after), row.text, row.advice);
  }
  page += kFlagsIntroduction;
  for (const http::FlagSpec& row : http::FlagTable()) {
    page += fmt::format("| `{}` | {} |\n", row.flag, row.meaning);
  }
  page += kViolationsIntroduction;
  for (size_t i = 1; i < static_cast<size_t>(ws::Violation::kCount); ++i) {
    const ws::ViolationSpec& row = ws::SpecOf(static_cast<ws::Violation>(i));
    page += fmt::format("| `{}` | {} |\n", row.label, row.text);
  }
  return page;
}

std::string AdminMarkdown() {
  std::string text(kAdminIntroduction);
  for (const PageSpec& page : Pages()) {
    text += fmt::format("\n## `{}{}`\n\n{} `{}`.\n", page.method == Method::kPost ? "POST " : "", page.path,
                        page.help, page.content_type);
    if (page.fields == nullptr) continue;
    text += "\n| field | type | meaning |\n|---|---|---|\n";
    for (const FieldSpec& field : page.fields()) {
      text += fmt::format("| `{}` | {} | {} |\n", field.path, field.type, field.meaning);
    }
  }
  return text;
}

struct ReferencePage {
  std::string_view name;
  std::string (*markdown)();
};
constexpr ReferencePage kReferencePages[] = {
    {"metrics", MetricsMarkdown},
    {"access-log", AccessLogMarkdown},
    {"admin", AdminMarkdown},
};

}  // namespace

std::vector<std::string_view> ReferencePages() {
  std::vector<std::string_view> names;
  for (const ReferencePage& page : kReferencePages) names.push_back(page.name);
  return names;
}

std::string ReferenceMarkdown(std::string_view page) {
  const auto* found = std::find_if(std::begin(kReferencePages), std::end(kReferencePages),
                                   [page](const ReferencePage& row) { return row.name == page; });
  HAWSER_DCHECK(found != std::end(kReferencePages));
  return found->markdown();
}

}  // namespace hawser::admin
