// One rule that requests pass on their way to a backend. A filter is immutable and shared by all workers, one a route
// and snapshot; what it has to remember of a request lives in the request's Context. To add one: its file, its member
// in config::FilterConfig, its line in table.cc. One of the four virtual interfaces.
#pragma once

#include "filters/context.h"
#include "filters/verdict.h"
#include "proxy/http/head.h"

namespace hawser::filters {

class Filter {
 public:
  virtual ~Filter() = default;

  // May change the request. After Verdict::Wait the filter calls context.Resume once, on the same thread, from a handler
  // that it attaches to the context: should the request end before, the handler goes with it.
  virtual Verdict OnRequest(Context& context) const = 0;

  // The head of the backend's answer, or of hawser's own: for every filter that has seen the request, the last one
  // first. May change it.
  virtual void OnResponse(Context&, http::ResponseHead&) const {}
};

}  // namespace hawser::filters
