#include "proxy/demo/demo.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proxy/base/check.h"
#include "proxy/base/hash.h"
#include "proxy/base/status_macros.h"
#include "proxy/tls/self_signed.h"

namespace hawser::demo {
namespace {

constexpr BackendSpec kBackends[] = {{"alpha", "#e4572e"}, {"bravo", "#2a9d8f"}, {"charlie", "#e9b44c"}};

// A key that no client can know; it lasts as long as the demo.
std::string RandomKey() {
  std::string key;
  for (int i = 0; i < 4; ++i) key += fmt::format("{:016x}", base::SipKey::Random().k0);
  return key;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Demo>> Demo::Create(uint16_t port) {
  std::string folder = "/tmp/hawser-demo-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return absl::ErrnoToStatus(errno, "cannot make a folder in /tmp");
  std::unique_ptr<Demo> demo(new Demo(folder, port));
  HAWSER_ASSIGN_OR_RETURN(const tls::SelfSigned pair,
                          tls::MakeSelfSigned({"localhost", "127.0.0.1", "::1"}, 30));
  HAWSER_RETURN_IF_ERROR(tls::WriteTo(pair, folder).status());
  HAWSER_ASSIGN_OR_RETURN(demo->loop_, event::Loop::Create());
  demo->figures_ = [demo = demo.get()] { return demo->Figures(); };
  for (const BackendSpec& spec : kBackends) {
    HAWSER_ASSIGN_OR_RETURN(auto backend, EchoBackend::Listen(*demo->loop_, spec, demo->figures_));
    demo->backends_.push_back(std::move(backend));
  }
  return demo;
}

Demo::~Demo() {
  Stop();
  std::error_code ignored;  // a folder in /tmp that stays behind harms nobody
  std::filesystem::remove_all(folder_, ignored);
}

std::string Demo::Config() const {
  std::string endpoints;
  for (const auto& backend : backends_) {
    endpoints += fmt::format("{}{}", endpoints.empty() ? "" : ", ", backend->address().ToString());
  }
  return fmt::format(R"(admin:
  address: 127.0.0.1:0
drain:
  window: 2s
listeners:
  - name: demo
    address: 127.0.0.1:{port}
    tls:
      certificates:
        - certificate: {folder}/server.crt
          private_key: {folder}/server.key
    http2: {{ enabled: false }}  # so that each socket of the page is a connection, and the limiter has something to count
    limits:
      connections_per_ip: 60
routes:
  - name: sticky
    match: {{ path: /echo }}
    cluster: sticky
    websocket:
      keepalive: {{ interval: 5s, timeout: 5s }}
  - name: spread
    match: {{ path: /load }}
    cluster: spread
    websocket:
      keepalive: {{ interval: 5s, timeout: 5s }}
  - name: page
    match: {{ path_prefix: / }}
    cluster: spread
clusters:
  - name: sticky
    lb_policy: least_request
    affinity:
      cookie: {{ name: moor, ttl: 1h, keys: [ "{key}" ] }}
    endpoints: [ {endpoints} ]
  - name: spread
    lb_policy: least_request
    endpoints: [ {endpoints} ]
)",
                     fmt::arg("port", port_), fmt::arg("folder", folder_), fmt::arg("key", RandomKey()),
                     fmt::arg("endpoints", endpoints));
}

absl::Status Demo::Start(const stats::Registry& stats) {
  HAWSER_DCHECK(stats_ == nullptr);
  stats_ = &stats;
  return thread_.Start("demo", [this] { loop_->Run(); });
}

void Demo::Stop() {
  if (!thread_.running()) return;
  loop_->Stop();
  thread_.Join();
}

std::string Demo::Figures() const {
  nlohmann::json figures;
  const stats::Totals totals = stats_->Sum();
  figures["pings_sent"] = totals[stats::Metric::kPingsToClient] + totals[stats::Metric::kPingsToBackend];
  figures["tunnels_open"] = totals[stats::Metric::kTunnelsOpen];
  figures["rejected"] = totals.rejects[static_cast<size_t>(http::Reject::kTooManyConnections)];
  for (const auto& backend : backends_) {
    figures["backends"].push_back({{"name", backend->name()}, {"open", backend->open()}});
  }
  return figures.dump();
}

}  // namespace hawser::demo
