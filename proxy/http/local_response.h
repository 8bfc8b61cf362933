// Responses that hawser makes itself, in a form for all protocols: refusals, and the direct answers of
// routes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"

namespace hawser::http {

struct LocalResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

// Adds Date and, where there is a body, Content-Type: text/plain, unless `fields` has one. Adds
// Content-Length where the status allows a body.
LocalResponse MakeLocalResponse(int status, std::vector<std::pair<std::string, std::string>> fields,
                                std::string body);

// The answer to a refused request, from the refusal table, with Retry-After where the row has one,
// Sec-WebSocket-Version on a 426 and Allow on a 405. `reject` must have a status. `random`: 64 fresh bits,
// which spread the Retry-After.
LocalResponse RefusalOf(Reject reject, uint64_t random);

// The head that answers a request of that method; views into `response`.
ResponseHead HeadOf(const LocalResponse& response, std::string_view request_method);

}  // namespace hawser::http
