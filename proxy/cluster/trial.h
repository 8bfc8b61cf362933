// One request's try at an endpoint. It reports its result once. One that is destroyed without a result was
// given up for no fault of the endpoint's. The endpoint must outlive it. A worker's thread.
#pragma once

#include <string_view>
#include <utility>

#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/health.h"

namespace hawser::cluster {

class Trial {
 public:
  Trial() = default;
  Trial(Endpoint& endpoint, bool probe) : endpoint_(&endpoint), probe_(probe) {}
  Trial(Trial&& other) noexcept { *this = std::move(other); }
  Trial& operator=(Trial&& other) noexcept {
    if (this == &other) return *this;
    GiveUp();
    endpoint_ = std::exchange(other.endpoint_, nullptr);
    probe_ = other.probe_;
    return *this;
  }
  ~Trial() { GiveUp(); }

  // `work`: of what it was a result, as Health::OnAnswer has it.
  void Answered(base::TimePoint now, Work work = Work::kRequest) {
    if (Endpoint* endpoint = std::exchange(endpoint_, nullptr))
      endpoint->health().OnAnswer(*endpoint, probe_, work, now);
  }
  // `why` in words, for log and admin page.
  void Failed(std::string_view why, base::TimePoint now, Work work = Work::kRequest) {
    if (Endpoint* endpoint = std::exchange(endpoint_, nullptr))
      endpoint->health().OnFailure(*endpoint, probe_, work, why, now);
  }
  void GiveUp() {
    Endpoint* endpoint = std::exchange(endpoint_, nullptr);
    if (endpoint != nullptr && probe_) endpoint->health().OnProbeGivenUp(*endpoint);
  }

 private:
  Endpoint* endpoint_ = nullptr;  // null once it has reported
  bool probe_ = false;
};

}  // namespace hawser::cluster
