// A filter's decision about a request.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/http/local_response.h"
#include "proxy/http/reject.h"

namespace hawser::filters {

class Verdict {
 public:
  enum class Kind : uint8_t { kContinue, kReject, kAnswer, kWait };

  static Verdict Continue() { return Verdict(Kind::kContinue, http::Reject::kNone); }

  // The request is answered with the refusal's row of the table, and no further filter sees it.
  static Verdict Reject(http::Reject reason) {
    HAWSER_DCHECK(reason != http::Reject::kNone);
    return Verdict(Kind::kReject, reason);
  }

  // The request is answered with `response` (see http::MakeLocalResponse), and no further filter sees it.
  // `reason` appears in the access log and the metrics; kNone: an ordinary answer, not a refusal.
  static Verdict Answer(http::LocalResponse response, http::Reject reason) {
    Verdict verdict(Kind::kAnswer, reason);
    verdict.response_ = std::make_unique<http::LocalResponse>(std::move(response));
    return verdict;
  }

  // The verdict comes later, by Context::Resume. If it has not come within `most` (above 0), the request is
  // refused with `late`.
  static Verdict Wait(base::Duration most, http::Reject late = http::Reject::kFilterTimeout) {
    HAWSER_DCHECK(most.count() > 0 && late != http::Reject::kNone);
    Verdict verdict(Kind::kWait, late);
    verdict.most_ = most;
    return verdict;
  }

  Kind kind() const { return kind_; }
  // kNone for kContinue; of kWait, the reason if the verdict is late.
  http::Reject reason() const { return reason_; }
  base::Duration most() const { return most_; }  // of kWait
  http::LocalResponse TakeResponse() {           // of kAnswer, once
    HAWSER_DCHECK(response_ != nullptr);
    return *std::exchange(response_, nullptr);
  }

  bool operator==(const Verdict&) const = default;

 private:
  Verdict(Kind kind, http::Reject reason) : kind_(kind), reason_(reason) {}

  Kind kind_;
  http::Reject reason_;
  base::Duration most_{0};
  std::unique_ptr<http::LocalResponse> response_;
};

}  // namespace hawser::filters
