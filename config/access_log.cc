#include "config/access_log.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "config/checks.h"
#include "config/describe.h"

namespace hawser::config {

template <>
struct Names<QueryLog> {
  static constexpr Name<QueryLog> kTable[] = {
      {"redact", QueryLog::kRedact}, {"keep", QueryLog::kKeep}, {"drop", QueryLog::kDrop}};
};

void Describe(Description& d, const AccessLog& log) {
  d.Field({"path",
           "File that lines are appended to: one for each request and one for each tunnel, written when it "
           "ends. `-` is stdout.",
           "no access log"},
          log.path, {Form::kLogFile});
  d.Field({"format",
           "`json`, or a line of your own with `%field%` operators, such as "
           "`%time% %client% %host% %status% %close_code%`; `%%` is a percent sign."},
          log.format);
  d.Field({"query",
           "What the log shows of a request's query. `redact`: the query, with `…` for the values of the "
           "parameters in `redacted`. `keep`: all of it. `drop`: nothing."},
          log.query);
  d.Field({"redacted",
           "Names of query parameters that hold credentials. A name is found in any case, and if parts of it "
           "are percent-encoded. A list here replaces the default: repeat `token`, `access_token`, `jwt` and "
           "`key` if you need them.",
           "`token`, `access_token`, `jwt`, `key`"},
          log.redacted, {.each = {Form::kText}});
  d.Field({"queue",
           "How many lines may wait to be written. When the disk cannot keep up, further lines are dropped "
           "and counted; tunnels never wait for the log."},
          log.queue, {1, 1 << 20});
}

namespace {

// Under systemd and others stdout is a socket, which cannot be opened; if stdout is a file, it would be
// opened a second time.
void CheckLogPath(const std::string& path, const Checks& checks) {
  static constexpr std::string_view kStdout[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
  if (!checks.Given(path) || std::find(std::begin(kStdout), std::end(kStdout), path) == std::end(kStdout))
    return;
  checks.Warn(path, path + " cannot be opened under every supervisor",
              "expected \"-\", which is stdout everywhere");
}

// Without an operator every line is the same; `%%` is none.
void CheckLogFormat(const std::string& format, const Checks& checks) {
  if (!checks.Given(format) || format == "json") return;
  for (size_t at = 0; (at = format.find('%', at)) != std::string::npos; at += 2) {
    if (format.substr(at + 1, 1) != "%") return;
  }
  checks.Warn(format, Quote(format) + " has no %field%: every line would be this text",
              "expected json or a format with fields such as %status%");
}

}  // namespace

void CheckAccessLog(const AccessLog& log, const Checks& checks) {
  CheckLogPath(log.path, checks);
  CheckLogFormat(log.format, checks);
}

}  // namespace hawser::config
