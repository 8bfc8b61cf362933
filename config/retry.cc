#include "config/retry.h"

#include <algorithm>
#include <iterator>

#include "config/checks.h"
#include "config/describe.h"

namespace hawser::config {

template <>
struct Names<RetryOn> {
  static constexpr Name<RetryOn> kTable[] = {{"connect_failure", RetryOn::kConnectFailure},
                                             {"reset", RetryOn::kReset},
                                             {"502", RetryOn::k502},
                                             {"503", RetryOn::k503},
                                             {"504", RetryOn::k504}};
};

void Describe(Description& d, const Retry& retry) {
  d.Field({"attempts",
           "How often a request or WebSocket handshake is tried again, before its 101 or the first byte of "
           "its response. The next try goes to another endpoint, or to the same one on a new connection if a "
           "kept connection had ended. A request that the backend may have acted on is sent again only if "
           "its method is idempotent, and never if some of its body has been read. `0`: never. When no try "
           "is left, the client gets the last answer, or 502, 503 or, after a time-out, 504."},
          retry.attempts, {0, 16});
  d.Field({"per_try_timeout",
           "Time for one try, up to the head of its response. Then the next try begins. `0`: none but the "
           "time-outs of the whole request."},
          retry.per_try_timeout, {0s, kLongestWait});
  d.Field({"retry_on",
           "What is tried again. `connect_failure`: a connection could not be made. `reset`: it ended before "
           "any byte of an answer, or the try timed out. `502`, `503`, `504`: answers with this status.",
           "`connect_failure` and `reset`"},
          retry.retry_on, {.min_items = 1});
  d.Field({"budget_percent",
           "How many of the requests and WebSocket handshakes under way to the cluster may be further tries. "
           "Open tunnels are not counted."},
          retry.budget_percent, {0, 100});
  d.Field({"budget_least",
           "How many further tries may be under way at one time, whatever `budget_percent` says."},
          retry.budget_least, {0, 1'000'000});
}

void CheckRetry(const Retry& retry, const Checks& checks) {
  if (!checks.Sound(retry)) return;
  for (auto one = retry.retry_on.begin(); one != retry.retry_on.end(); ++one) {
    if (std::find(retry.retry_on.begin(), one, *one) == one) continue;
    checks.Warn(*one, "is listed twice", "expected it once");
  }
  if (retry.attempts > 0) return;
  if (checks.Given(retry.per_try_timeout) && retry.per_try_timeout > 0s) {
    checks.Warn(retry.per_try_timeout, "ends the only try: attempts is 0", "expected attempts: 1 or more");
  }
  if (checks.Given(retry.retry_on)) checks.Warn(retry.retry_on, "has no effect with attempts: 0");
}

}  // namespace hawser::config
