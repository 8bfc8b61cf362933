// A request on its way through filters, for the tests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/context.h"

namespace hawser::filters {

class Request : public event::IoHandler {
 public:
  static constexpr uint8_t kTag = 3;
  static inline const Locals kNoLocals;

  explicit Request(bool tls = true) : tls_(tls) {
    head.method = "GET";
    head.target = "/";
    head.authority = "example.com";
    Renew();
  }

  // A context that no filter has touched.
  void Renew(const Locals& locals = kNoLocals) {
    context.emplace(Connection{.client = client_, .listener = "edge", .tls = tls_, .route = route_}, head,
                    arena_, locals, *loop_, *this, kTag);
  }

  void OnReady(event::Ready ready) override { woken += ready.tag == kTag ? 1 : 100; }
  event::Loop& loop() { return *loop_; }
  // Runs the calls that wait for the loop's next turn.
  void RunLoop() { loop_->RunOnce(base::Duration(0)); }

 private:
  std::unique_ptr<event::Loop> loop_ = event::Loop::Create().value();
  const bool tls_;
  net::SocketAddress client_;
  route::Route route_{.settings = {}, .name = {}};
  http::TextArena arena_;

 public:
  http::RequestHead head;
  std::optional<Context> context;
  int woken = 0;
};

}  // namespace hawser::filters
