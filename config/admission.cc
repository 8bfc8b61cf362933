#include "config/admission.h"

#include <cmath>
#include <string>

#include "config/burst_check.h"
#include "config/checks.h"
#include "config/describe.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

void Describe(Description& d, const Admission& admission) {
  d.Field({"rate", "How many WebSocket handshakes each endpoint gets in the long run, from all workers.",
           "`200/s`"},
          admission.rate);
  d.Field({"burst",
           "How many handshakes an endpoint gets at once after a pause. Set it to one second's worth of "
           "`rate` or more.",
           "one second's worth, at least 1"},
          admission.burst, {1, 1'000'000});
  d.Field({"pending",
           "How many handshakes may wait for one endpoint. They are sent in the order in which they came. A "
           "further one is answered 503 with `Retry-After`. `0`: none waits."},
          admission.pending, {0, 1'000'000});
  d.Field({"wait",
           "A handshake that has waited this long is answered 503 with `Retry-After`. This time does not "
           "count against `handshake_timeout`."},
          admission.wait, {10ms, kLongestWait});
}

namespace {

// The end of a full queue must be admitted in time, or it only waits for its refusal.
void CheckQueue(const Admission& admission, const Checks& checks) {
  if (!checks.Given(admission.pending) && !checks.Given(admission.wait)) return;
  if (admission.pending == 0) {
    if (checks.Given(admission.wait)) checks.Warn(admission.wait, "has no effect with pending: 0");
    return;
  }
  const double seconds = std::chrono::duration<double>(admission.wait).count();
  const double served = std::floor(admission.rate.per_second * seconds);
  if (admission.pending <= served) return;
  const std::string what =
      fmt::format("of {} that wait, {} get their turn within the wait of {}: the rest wait for a refusal",
                  admission.pending, served, FormatDuration(admission.wait));
  if (checks.Given(admission.pending)) {
    checks.Warn(admission.pending, what, fmt::format("expected at most {}", served));
  } else {
    checks.Warn(admission.wait, what, fmt::format("expected pending: {}", served));
  }
}

}  // namespace

void CheckAdmission(const Admission& admission, const Checks& checks) {
  if (checks.Given(admission.rate) && admission.rate.per_second <= 0) {
    checks.Error(admission.rate, "admits no handshake", "expected a rate above 0");
  }
  if (!checks.Sound(admission)) return;
  if (checks.Given(admission.burst)) CheckBurst(admission, admission.burst, ShownNumber, checks);
  CheckQueue(admission, checks);
}

}  // namespace hawser::config
