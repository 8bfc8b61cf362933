// A request on its way through the filters of its route, and its answer on the way back. Owned by the
// exchange; loop thread only.
#pragma once

#include <memory>

#include "filters/attachments.h"
#include "filters/context.h"
#include "filters/verdict.h"
#include "proxy/event/io_handler.h"
#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/net/address.h"
#include "proxy/session/filter_locals.h"
#include "proxy/session/record.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class FilterRun {
 public:
  // What it refers to. All of it outlives the run.
  struct Request {
    const RequestRecord& record;  // which has its route
    http::RequestHead& head;
    http::TextArena& arena;
  };

  // `locals`: of the route's filters on this worker. `waiter` is called with `tag` when a
  // filter that has waited resumes.
  FilterRun(WorkerServices& services, std::shared_ptr<const RouteLocals> locals, const Request& request,
            event::IoHandler& waiter, uint8_t tag);

  // As filters::Chain and filters::Context.
  filters::Verdict OnRequest() { return filters().OnRequest(context_); }
  bool waiting() const { return context_.waiting(); }
  http::Reject Expire() { return context_.Expire(); }
  void OnResponse(http::ResponseHead& head) { filters().OnResponse(context_, head); }

  // What the filters have left with the tunnel, and what that refers to.
  filters::Attachments TakeAttachments();

 private:
  const filters::Chain& filters() const { return locals_->runtime->filters; }

  const net::SocketAddress client_;
  const std::shared_ptr<const RouteLocals> locals_;
  filters::Context context_;  // views into the members before it
};

}  // namespace hawser::session
