// The access log.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/section.h"

namespace hawser::config {

// What the access log has of a request's query.
enum class QueryLog : uint8_t { kKeep, kDrop, kRedact };

struct AccessLog {
  std::string path;             // "-" is stdout; empty: no access log
  std::string format = "json";  // "json", or a line with %field% operators
  QueryLog query = QueryLog::kRedact;
  std::vector<std::string> redacted = {"token", "access_token", "jwt", "key"};  // parameters, in any case
  uint32_t queue = 8192;  // records that wait to be written; more are dropped and counted
  bool operator==(const AccessLog&) const = default;
};

void Describe(Description& d, const AccessLog& log);

void CheckAccessLog(const AccessLog& log, const Checks& checks);

}  // namespace hawser::config
