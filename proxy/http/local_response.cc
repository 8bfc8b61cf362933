#include "proxy/http/local_response.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/http/date.h"

namespace hawser::http {
namespace {

// What RFC 9110 §15.5.6 and RFC 6455 §4.4 ask for, and the row's Retry-After.
std::vector<std::pair<std::string, std::string>> RefusalFields(const RejectSpec& spec,
                                                               uint64_t random) {
  std::vector<std::pair<std::string, std::string>> fields;
  if (spec.status == 405) fields.emplace_back("Allow", "GET");
  if (spec.status == 426) fields.emplace_back("Sec-WebSocket-Version", "13");
  if (const uint64_t base = spec.retry_after; base != 0)
    fields.emplace_back("Retry-After", std::to_string(base + random % (base + 1)));
  return fields;
}

}  // namespace

LocalResponse MakeLocalResponse(int status, std::vector<std::pair<std::string, std::string>> fields,
                                std::string body) {
  LocalResponse response{.status = status, .fields = {}, .body = std::move(body)};
  const auto lacks = [&fields](std::string_view name) {
    return std::none_of(fields.begin(), fields.end(),
                        [name](const auto& field) { return EqualsIgnoreCase(field.first, name); });
  };
  if (lacks("Date")) response.fields.emplace_back("Date", DateNow());
  if (!response.body.empty() && lacks("Content-Type"))
    response.fields.emplace_back("Content-Type", "text/plain");
  if (!NeverHasBody(status)) {
    response.fields.emplace_back("Content-Length", std::to_string(response.body.size()));
  }
  std::move(fields.begin(), fields.end(), std::back_inserter(response.fields));
  return response;
}

LocalResponse RefusalOf(Reject reject, uint64_t random) {
  const RejectSpec& spec = SpecOf(reject);
  HAWSER_DCHECK(spec.status != 0);
  return MakeLocalResponse(spec.status, RefusalFields(spec, random), std::string(spec.text) + "\n");
}

ResponseHead HeadOf(const LocalResponse& response, std::string_view request_method) {
  HAWSER_DCHECK(response.body.empty() || !NeverHasBody(response.status));
  ResponseHead head;
  head.status = response.status;
  for (const auto& [name, value] : response.fields) head.headers.Add(name, value);
  head.body = !response.body.empty() && request_method != "HEAD";
  return head;
}

}  // namespace hawser::http
