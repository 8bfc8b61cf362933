#include "config/rebalance.h"

#include "config/checks.h"
#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const Rebalance& rebalance) {
  d.Field({"above",
           "An endpoint whose tunnels are this many percent above its fair share closes some of them, until "
           "it is down to the fair share. The fair share goes by the weights of the usable endpoints."},
          rebalance.above, {1, 10'000});
  d.Field(
      {"rate", "How many tunnels such an endpoint closes. Those go first that have been silent the longest.",
       "`5/s`"},
      rebalance.rate);
  d.Field({"code", "Close code for their clients: 1012 says that the service restarts. Backends get 1001."},
          rebalance.code);
}

void CheckRebalance(const Rebalance& rebalance, const Checks& checks) {
  if (!checks.Given(rebalance.rate) || rebalance.rate.per_second > 0) return;
  checks.Error(rebalance.rate, "closes no tunnel", "expected a rate above 0");
}

}  // namespace hawser::config
