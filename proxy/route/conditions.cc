#include "proxy/route/conditions.h"

#include <algorithm>
#include <utility>

#include "proxy/base/status_macros.h"

namespace hawser::route {
namespace {

// Subprotocols compare with case (RFC 6455 §4.1, §11.5).
bool Offers(const http::HeaderList& headers, std::string_view subprotocol) {
  for (const http::Header& header : headers) {
    if (!http::EqualsIgnoreCase(header.name, "Sec-WebSocket-Protocol")) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (http::TrimWhitespace(rest.substr(0, comma)) == subprotocol) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

absl::StatusOr<std::vector<ValueMatch>> CompileAll(const std::vector<config::ValueMatch>& settings) {
  std::vector<ValueMatch> matches;
  for (const config::ValueMatch& one : settings) {
    HAWSER_ASSIGN_OR_RETURN(ValueMatch match, ValueMatch::Compile(one));
    matches.push_back(std::move(match));
  }
  return matches;
}

}  // namespace

absl::StatusOr<Conditions> Conditions::Compile(const config::RouteMatch& match) {
  Conditions conditions;
  if (match.path_regex) {
    HAWSER_ASSIGN_OR_RETURN(conditions.path_, Regex::Compile(*match.path_regex));
  }
  HAWSER_ASSIGN_OR_RETURN(conditions.headers_, CompileAll(match.headers));
  HAWSER_ASSIGN_OR_RETURN(conditions.query_, CompileAll(match.query));
  conditions.subprotocol_ = match.subprotocol;
  return conditions;
}

bool Conditions::HoldFor(const http::RequestHead& head, bool websocket) const {
  if (subprotocol_ && !(websocket && Offers(head.headers, *subprotocol_))) return false;
  for (const ValueMatch& match : headers_) {
    if (!match.HoldsForHeaders(head.headers)) return false;
  }
  for (const ValueMatch& match : query_) {
    if (!match.HoldsForQuery(head.query())) return false;
  }
  return !path_ || (head.path() != kWholeServer && path_->Matches(head.path()));
}

}  // namespace hawser::route
