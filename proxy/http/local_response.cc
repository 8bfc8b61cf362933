#include "proxy/http/local_response.h"

#include <algorithm>

#include "proxy/http/date.h"

namespace hawser::http {
namespace {

// Long enough to let a burst pass, short enough that a client which waits is not lost.
constexpr const char* kRetryAfterSeconds = "2";

std::vector<std::pair<std::string, std::string>> RefusalFields(int status) {
  switch (status) {
    case 405: return {{"Allow", "GET"}};
    case 426: return {{"Sec-WebSocket-Version", "13"}};
    case 429:
    case 503: return {{"Retry-After", kRetryAfterSeconds}};
    default: return {};
  }
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

LocalResponse RefusalOf(Reject reject) {
  const RejectSpec& spec = SpecOf(reject);
  return MakeLocalResponse(spec.status, RefusalFields(spec.status), std::string(spec.text) + "\n");
}

ResponseHead HeadOf(const LocalResponse& response, std::string_view request_method) {
  ResponseHead head;
  head.status = response.status;
  for (const auto& [name, value] : response.fields) head.headers.Add(name, value);
  head.body = !response.body.empty() && request_method != "HEAD";
  return head;
}

}  // namespace hawser::http
