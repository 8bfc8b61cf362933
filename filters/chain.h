// The filters of one route, in the order of the config. Immutable; shared by all workers.
//
//   if (context.waiting()) return;   // the context's waiter is called when there is a verdict
//   Verdict verdict = chain.OnRequest(context);
//   if (verdict.kind() == Verdict::Kind::kWait) ...   // arm a timer for verdict.most(): context.Expire()
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "filters/filter.h"

namespace hawser::filters {

class Chain {
 public:
  // Fails on settings that a filter cannot be made of.
  static absl::StatusOr<Chain> Create(std::span<const config::FilterConfig> settings);
  explicit Chain(std::vector<std::unique_ptr<const Filter>> filters) : filters_(std::move(filters)) {}

  // Makes the worker-local state of its filters for the worker with that loop.
  Locals MakeLocals(event::Loop& loop) const;

  // Runs the filters until one rejects, answers or waits; goes on behind the one that waited. kContinue: all
  // filters accepted it. Must not be called while context.waiting(), nor after a verdict other than kWait.
  Verdict OnRequest(Context& context) const;

  // The filters that have seen the request, the last one first.
  void OnResponse(Context& context, http::ResponseHead& head) const;

  bool empty() const { return filters_.empty(); }

 private:
  Verdict Ask(Context& context) const;

  std::vector<std::unique_ptr<const Filter>> filters_;
};

}  // namespace hawser::filters
