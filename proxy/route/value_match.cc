#include "proxy/route/value_match.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::route {

absl::StatusOr<ValueMatch> ValueMatch::Compile(const config::ValueMatch& settings) {
  ValueMatch match(settings.name);
  if (settings.exact) {
    match.kind_ = Kind::kExact;
    match.text_ = *settings.exact;
  } else if (settings.prefix) {
    match.kind_ = Kind::kPrefix;
    match.text_ = *settings.prefix;
  } else if (settings.regex) {
    match.kind_ = Kind::kRegex;
    HAWSER_ASSIGN_OR_RETURN(match.regex_, Regex::Compile(*settings.regex));
  } else {
    match.kind_ = settings.present.value_or(true) ? Kind::kPresent : Kind::kAbsent;
  }
  return match;
}

bool ValueMatch::HoldsForHeaders(const http::HeaderList& headers) const {
  const bool fulfilled = std::any_of(headers.begin(), headers.end(), [this](const http::Header& header) {
    return http::EqualsIgnoreCase(header.name, name_) && Fulfils(header.value);
  });
  return kind_ == Kind::kAbsent ? !fulfilled : fulfilled;
}

bool ValueMatch::HoldsForQuery(std::string_view query) const {
  const auto value = http::QueryParameter(query, name_);
  const bool fulfilled = value && Fulfils(*value);
  return kind_ == Kind::kAbsent ? !fulfilled : fulfilled;
}

bool ValueMatch::Fulfils(std::string_view value) const {
  switch (kind_) {
    case Kind::kExact: return value == text_;
    case Kind::kPrefix: return value.starts_with(text_);
    case Kind::kRegex: HAWSER_DCHECK(regex_); return regex_->Matches(value);
    case Kind::kPresent:
    case Kind::kAbsent: return true;
  }
  return false;
}

}  // namespace hawser::route
