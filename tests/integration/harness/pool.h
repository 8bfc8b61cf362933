// hawser in front of several backends, each of them a process of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/backend_process.h"
#include "tests/integration/harness/crowd.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {

class Pool {
 public:
  // One backend for each entry of `endpoints`, which holds further fields of its endpoint, "priority: 1". They
  // are named a, b, c and so on.
  Pool(const std::vector<std::string>& endpoints, Config config);

  BackendProcess& operator[](size_t backend) { return *backends_.at(backend); }
  size_t size() const { return backends_.size(); }
  HawserProcess& hawser() { return *hawser_; }
  const Config& config() const { return config_; }

  // The backend's row of /clusters.
  nlohmann::json Row(size_t backend);
  // Waits until hawser says that the backend is in that state; that it may be picked, or not.
  testing::AssertionResult Becomes(size_t backend, const std::string& state);
  testing::AssertionResult IsAvailable(size_t backend, bool available);
  // A metric of the backend's endpoint.
  double Metric(const std::string& name, size_t backend);
  testing::AssertionResult MetricIs(const std::string& name, size_t backend, double value);
  // How many lines of hawser's log have the text.
  int Logged(const std::string& text);

  // So many handshakes one after the other, each ended by its client: who answered, by X-Backend; "503" and so
  // on for what was refused.
  std::map<std::string, int> Answers(int handshakes, const Request& request = {});

 private:
  testing::AssertionResult RowHas(size_t backend, const std::string& field, const nlohmann::json& value);
  std::string Label(size_t backend) { return "endpoint=\"" + (*this)[backend].address() + "\""; }

  std::vector<std::unique_ptr<BackendProcess>> backends_;
  Config config_;
  std::unique_ptr<HawserProcess> hawser_;
};

}  // namespace hawser::integration
