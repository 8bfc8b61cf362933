#include "config/access_log.h"

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

}  // namespace hawser::config
