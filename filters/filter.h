// One rule that requests pass on their way to a backend. A filter is immutable and shared by all workers;
// there is one for each route, until its settings change. State for one request is attached to the request's
// Context; state for all requests (a connection, a cache, a limiter) is its worker-local state. To add a
// filter: its file, its member in config::FilterConfig, its line in table.cc, and its rows in http/reject.cc
// if it refuses for a new reason.
#pragma once

#include "filters/any_object.h"
#include "filters/context.h"
#include "filters/verdict.h"
#include "proxy/http/head.h"

namespace hawser::filters {

class Filter {
 public:
  virtual ~Filter() = default;

  // Makes the worker-local state for the worker with that loop: once for each worker and route, before the
  // route's first request there. It is used on that worker's thread only, by Context::Local, and outlives
  // every context and attachment of the route on that worker. Null: the filter has none.
  virtual AnyObject MakeLocal(event::Loop&) const { return {}; }

  // May change the request. After Verdict::Wait the filter calls context.Resume once, on the same thread,
  // from a handler that it attaches to the context. If the request ends before, the handler is destroyed with
  // the context. If the verdict is late, the request is refused; a Resume after that does nothing.
  virtual Verdict OnRequest(Context& context) const = 0;

  // The head of the backend's answer, of hawser's own, or of another filter's: for every filter that has seen
  // the request, the last one first. May change it.
  virtual void OnResponse(Context&, http::ResponseHead&) const {}
};

}  // namespace hawser::filters
