// Owns a handler that may be given up in any turn, also while it runs: whoever lets go of it hands it to the
// loop, which calls it no more and destroys it when the turn ends. Before that it ends what it has begun
// (Handler::GiveUp). So a class that holds one is "given up by being destroyed". Loop thread only.
#pragma once

#include <memory>
#include <utility>

#include "proxy/event/loop.h"

namespace hawser::event {

template <typename Handler>
class OwnedHandler {
 public:
  OwnedHandler(Loop& loop, std::unique_ptr<Handler> handler) : loop_(&loop), handler_(std::move(handler)) {}
  OwnedHandler(OwnedHandler&& other) noexcept = default;
  OwnedHandler& operator=(OwnedHandler&&) = delete;
  ~OwnedHandler() {
    if (handler_ == nullptr) return;
    handler_->GiveUp();
    loop_->Retire(std::move(handler_));
  }

 private:
  Loop* loop_;
  std::unique_ptr<Handler> handler_;  // null once moved from
};

}  // namespace hawser::event
