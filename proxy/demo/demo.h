// `hawser demo`: three echo backends on a thread of their own, a new certificate, and the configuration that
// puts the real proxy in front of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/base/thread.h"
#include "proxy/demo/echo_backend.h"
#include "proxy/event/loop.h"
#include "proxy/stats/registry.h"

namespace hawser::demo {

class Demo {
 public:
  // Makes the certificate in a new folder under /tmp and binds the backends. `port` is the TLS listener's; 0:
  // any.
  static absl::StatusOr<std::unique_ptr<Demo>> Create(uint16_t port);
  ~Demo();  // stops the backends, removes the folder

  // The configuration, as YAML.
  std::string Config() const;

  // Starts the backends. Once. The page shows `stats`, the proxy's, which must live until Stop.
  absl::Status Start(const stats::Registry& stats);
  // Ends the backends' thread. Idempotent.
  void Stop();

 private:
  Demo(std::string folder, uint16_t port) : folder_(std::move(folder)), port_(port) {}
  std::string Figures() const;

  const std::string folder_;
  const uint16_t port_;
  const stats::Registry* stats_ = nullptr;
  absl::AnyInvocable<std::string()> figures_;
  std::unique_ptr<event::Loop> loop_;
  std::vector<std::unique_ptr<EchoBackend>> backends_;
  base::Thread thread_;
};

}  // namespace hawser::demo
