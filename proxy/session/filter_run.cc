#include "proxy/session/filter_run.h"

#include <utility>

namespace hawser::session {

FilterRun::FilterRun(WorkerServices& services, std::shared_ptr<const RouteLocals> locals,
                     const Request& request, event::IoHandler& waiter, uint8_t tag)
    : client_(request.record.client, request.record.client_port),
      locals_(std::move(locals)),
      context_({.client = client_,
                .listener = request.record.listener.text(),
                .tls = request.record.tls,
                .route = *request.record.route},
               request.head, request.arena, locals_->locals, services.loop, waiter, tag) {}

// They may use their filters' state on this worker, and that refers to the filters.
filters::Attachments FilterRun::TakeAttachments() {
  filters::Attachments attachments = context_.TakeAttachments();
  if (!attachments.empty())
    attachments.AttachBehind(std::make_unique<std::shared_ptr<const RouteLocals>>(locals_));
  return attachments;
}

}  // namespace hawser::session
