// WebSocket handshakes that wait until their endpoint's bucket (cluster/admission_bucket) has a token for
// them: one line for each endpoint, first in, first out. Each worker has its own; the bucket, and how many
// may wait for it, are those of all workers.
//
// One timer for each line: it fires when the next token is due, or when the first one has waited for too
// long. A line whose endpoint changes its state (it is ejected, fails its checks, leaves) sends everybody
// back to pick anew, in their order. One that nobody waits in costs nothing. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "config/admission.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/cluster/admission_bucket.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::session {

class AdmissionQueue {
 private:
  class Line;

 public:
  // How often a line that waits for a slow bucket looks at its endpoint.
  static constexpr base::Duration kLook{100};

  enum class Result : uint8_t {
    kWaits,
    kAdmitted,  // it has a token
    kTooLate,   // its time is over
    kPickAnew,  // the endpoint is not what it was
  };

  // One handshake. Its owner keeps the endpoint; destroying it leaves the line.
  class Waiter : public base::ListLink {
   public:
    Waiter(event::Loop& loop, event::IoHandler& owner, uint8_t tag, base::TimePoint until)
        : loop_(loop), owner_(owner), since_(loop.now()), until_(until), tag_(tag) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter();

    Result result() const { return result_; }
    base::TimePoint since() const { return since_; }

   private:
    friend class AdmissionQueue;
    event::Loop& loop_;
    event::IoHandler& owner_;
    Line* line_ = nullptr;  // while it waits
    base::TimePoint since_;
    base::TimePoint until_;
    const uint8_t tag_;
    Result result_ = Result::kWaits;
  };

  AdmissionQueue(event::Loop& loop, stats::WorkerStats& stats);
  AdmissionQueue(const AdmissionQueue&) = delete;
  AdmissionQueue& operator=(const AdmissionQueue&) = delete;
  ~AdmissionQueue();

  // Takes a token of `endpoint` for a handshake that is sent now; false: there is none, or others wait.
  [[nodiscard]] bool TryAdmit(cluster::Endpoint& endpoint, const config::Admission& settings);

  // One more waits for `endpoint`, `until` at the latest, behind those whose time ends before its own: who
  // comes from another line does not begin anew. Its owner gets OnReady({.readable = true, .tag = tag}) once
  // it waits no more. Null: as many wait as may.
  std::unique_ptr<Waiter> Enter(cluster::Endpoint& endpoint, const config::Admission& settings,
                                base::TimePoint until, event::IoHandler& owner, uint8_t tag);

  // The cluster of that name has changed: those that wait for its endpoints pick anew.
  void PickAnew(std::string_view cluster);
  // The endpoint goes: what is kept for it goes too.
  void Forget(const cluster::Endpoint& endpoint);

 private:
  Line& LineOf(cluster::Endpoint& endpoint);

  event::Loop& loop_;
  stats::WorkerStats& stats_;
  absl::flat_hash_map<const cluster::Endpoint*, std::unique_ptr<Line>> lines_;
};

}  // namespace hawser::session
