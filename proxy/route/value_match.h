// One condition on a header or on a query parameter, compiled from config::ValueMatch. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/route/regex.h"

namespace hawser::route {

class ValueMatch {
 public:
  static absl::StatusOr<ValueMatch> Compile(const config::ValueMatch& settings);

  // Whether one of the fields of that name meets the condition (`present: false`: whether there is no such
  // field).
  bool HoldsForHeaders(const http::HeaderList& headers) const;
  // The same for the first parameter of that name, undecoded.
  bool HoldsForQuery(std::string_view query) const;

 private:
  enum class Kind : uint8_t { kExact, kPrefix, kRegex, kPresent, kAbsent };

  explicit ValueMatch(std::string name) : name_(std::move(name)) {}
  bool Fulfils(std::string_view value) const;

  std::string name_;
  Kind kind_ = Kind::kPresent;
  std::string text_;            // of kExact and kPrefix
  std::optional<Regex> regex_;  // of kRegex
};

}  // namespace hawser::route
