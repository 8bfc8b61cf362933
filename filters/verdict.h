// What a filter says of a request.
#pragma once

#include <cstdint>

#include "proxy/http/reject.h"

namespace hawser::filters {

class Verdict {
 public:
  enum class Kind : uint8_t { kContinue, kReject, kWait };

  static constexpr Verdict Continue() { return Verdict(Kind::kContinue, http::Reject::kNone); }
  // The request is answered with the refusal's row of the table, and no further filter sees it.
  static constexpr Verdict Reject(http::Reject reason) { return Verdict(Kind::kReject, reason); }
  // The answer comes later, by Context::Resume.
  static constexpr Verdict Wait() { return Verdict(Kind::kWait, http::Reject::kNone); }

  constexpr Kind kind() const { return kind_; }
  constexpr http::Reject reason() const { return reason_; }  // kNone unless kind() is kReject
  constexpr bool operator==(const Verdict&) const = default;

 private:
  constexpr Verdict(Kind kind, http::Reject reason) : kind_(kind), reason_(reason) {}

  Kind kind_;
  http::Reject reason_;
};

}  // namespace hawser::filters
