#include "tests/integration/harness/pool.h"

#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hawser::integration {

Pool::Pool(const std::vector<std::string>& endpoints, Config config) : config_(std::move(config)) {
  for (const std::string& more : endpoints) {
    backends_.push_back(
        std::make_unique<BackendProcess>(std::string(1, static_cast<char>('a' + backends_.size()))));
    config_.endpoints.push_back(fmt::format("{{ address: \"{}\"{}{} }}", backends_.back()->address(),
                                            more.empty() ? "" : ", ", more));
  }
  hawser_ = std::make_unique<HawserProcess>(config_.Yaml(), config_.concurrency);
}

nlohmann::json Pool::Row(size_t backend) {
  const auto page = nlohmann::json::parse(hawser_->AdminPage("/clusters"));
  for (const auto& endpoint : page["clusters"][0]["endpoints"]) {
    if (endpoint["address"] == (*this)[backend].address()) return endpoint;
  }
  ADD_FAILURE() << "no endpoint " << (*this)[backend].address() << " in " << page.dump(2);
  return {};
}

testing::AssertionResult Pool::RowHas(size_t backend, const std::string& field, const nlohmann::json& value) {
  nlohmann::json row;
  if (Eventually([&] { return (row = Row(backend))[field] == value; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << (*this)[backend].name() << ": " << field << " is not " << value
                                     << ": " << row.dump(2) << "\n"
                                     << hawser_->process().err();
}

testing::AssertionResult Pool::Becomes(size_t backend, const std::string& state) {
  return RowHas(backend, "state", state);
}

testing::AssertionResult Pool::IsAvailable(size_t backend, bool available) {
  return RowHas(backend, "available", available);
}

double Pool::Metric(const std::string& name, size_t backend) {
  return hawser_->Metric(name, {Label(backend)});
}

testing::AssertionResult Pool::MetricIs(const std::string& name, size_t backend, double value) {
  return hawser_->MetricIs(name, value, {Label(backend)});
}

int Pool::Logged(const std::string& text) {
  std::istringstream stream(hawser_->process().err());
  int count = 0;
  for (std::string line; std::getline(stream, line);) count += line.find(text) != std::string::npos ? 1 : 0;
  return count;
}

std::map<std::string, int> Pool::Answers(int handshakes, const Request& request) {
  std::map<std::string, int> answers;
  for (int i = 0; i < handshakes; ++i) {
    Head head;
    Wire client = Join(hawser_->listener(), request, &head);
    ++answers[client.open() ? head.Value("X-Backend") : fmt::to_string(head.status())];
    if (!client.open()) continue;
    client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
    client.ReadEnd();
  }
  return answers;
}

}  // namespace hawser::integration
