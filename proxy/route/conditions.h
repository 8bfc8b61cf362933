// The conditions of a route beyond the host and the path, which the index has checked. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/route/regex.h"
#include "proxy/route/value_match.h"

namespace hawser::route {

// The target of an OPTIONS that asks the server as a whole (RFC 9110 §9.3.7): any path, and no one path.
inline constexpr std::string_view kWholeServer = "*";

class Conditions {
 public:
  // Fails on a bad expression.
  static absl::StatusOr<Conditions> Compile(const config::RouteMatch& match);

  bool HoldFor(const http::RequestHead& head, bool websocket) const;

 private:
  std::optional<Regex> path_;
  std::vector<ValueMatch> headers_;
  std::vector<ValueMatch> query_;
  std::optional<std::string> subprotocol_;
};

}  // namespace hawser::route
