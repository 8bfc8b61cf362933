#include "proxy/server/builder.h"

#include "proxy/base/status_macros.h"

namespace hawser::server {

absl::StatusOr<std::unique_ptr<Builder>> Builder::Create() {
  HAWSER_ASSIGN_OR_RETURN(auto loop, event::Loop::Create());
  return std::unique_ptr<Builder>(new Builder(std::move(loop)));
}

absl::Status Builder::Start() {
  return thread_.Start("builder", [this] { loop_->Run(); });
}

void Builder::Stop() {
  if (!thread_.running()) return;
  loop_->Stop();
  thread_.Join();
}

}  // namespace hawser::server
