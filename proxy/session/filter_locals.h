// What the filters of routes keep on one worker, made when a route gets its first request there. It lives as
// long as anything uses it: the current configuration, a request, or what a filter has attached to a tunnel.
// Loop thread only.
#pragma once

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proxy/event/loop.h"
#include "proxy/session/snapshot.h"

namespace hawser::session {

// The filters of a route and their state on this worker, which refers to them.
struct RouteLocals {
  std::shared_ptr<const RouteRuntime> runtime;
  filters::Locals locals;
};

class FilterLocals {
 public:
  // `loop` must outlive this and all that Of gives.
  explicit FilterLocals(event::Loop& loop) : loop_(loop) {}

  // Null: the route has no filters.
  std::shared_ptr<const RouteLocals> Of(const std::shared_ptr<const RouteRuntime>& runtime) {
    if (runtime->filters.empty()) return nullptr;
    std::shared_ptr<const RouteLocals>& locals = by_route_[runtime.get()];
    if (locals == nullptr) {
      locals = std::make_shared<const RouteLocals>(runtime, runtime->filters.MakeLocals(loop_));
    }
    return locals;
  }

  // Lets go of those of routes that `snapshot` has not, or has otherwise.
  void KeepThoseOf(const Snapshot& snapshot) {
    absl::erase_if(by_route_, [&snapshot](const auto& entry) {
      return snapshot.routes.Find(entry.first->route->name.id()).get() != entry.first;
    });
  }

 private:
  event::Loop& loop_;
  absl::flat_hash_map<const RouteRuntime*, std::shared_ptr<const RouteLocals>> by_route_;
};

}  // namespace hawser::session
