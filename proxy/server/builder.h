// The thread that builds a configuration and frees an old one. It opens files, parses, makes tables and binds
// sockets, so that neither the main loop nor a worker has to. Jobs run one after the other, in their order;
// what one has made reaches the main loop by event::Loop::Post. One per server.
#pragma once

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/base/thread.h"
#include "proxy/event/loop.h"

namespace hawser::server {

class Builder {
 public:
  static absl::StatusOr<std::unique_ptr<Builder>> Create();
  ~Builder() { Stop(); }

  absl::Status Start();  // once
  // Ends with the job that runs. Those behind it do not run any more.
  void Stop();

  // Any thread; before Start too.
  void Run(absl::AnyInvocable<void()> job) { loop_->Post(std::move(job)); }
  // Destroys `object` there: an old generation has a million small parts.
  template <class T>
  void Destroy(T object) {
    Run([gone = std::move(object)] {});
  }

 private:
  explicit Builder(std::unique_ptr<event::Loop> loop) : loop_(std::move(loop)) {}

  std::unique_ptr<event::Loop> loop_;
  base::Thread thread_;
};

}  // namespace hawser::server
