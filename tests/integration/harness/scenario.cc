#include "tests/integration/harness/scenario.h"

#include <fmt/format.h>

namespace hawser::integration {
namespace {

std::string Indented(const std::vector<std::string>& lines, int spaces) {
  std::string text;
  for (const std::string& line : lines) text += std::string(static_cast<size_t>(spaces), ' ') + line + "\n";
  return text;
}

bool Holds(const std::vector<std::string>& lines, std::string_view key) {
  return std::any_of(lines.begin(), lines.end(),
                     [key](const std::string& line) { return line.starts_with(key); });
}

Config With(Config config, const FakeBackend& backend) {
  if (config.endpoints.empty()) config.endpoints = {backend.address()};
  return config;
}

}  // namespace

Config PriorKnowledge(const std::vector<std::string>& more) {
  Config config;
  config.listener = {"http2: { prior_knowledge: true }"};
  config.listener.insert(config.listener.end(), more.begin(), more.end());
  return config;
}

std::string Config::Yaml() const {
  std::string yaml = "admin: { address: \"127.0.0.1:0\" }\naccess_log: { path: DIR/access.log, format: '" +
                     log_format + "' }\n" + Indented(top, 0);
  yaml += "listeners:\n  - name: main\n    address: \"" + address + "\"\n" + Indented(listener, 4);
  yaml += "routes:\n  - name: all\n" + Indented(route, 4);
  if (!Holds(route, "match")) yaml += "    match: { path_prefix: / }\n";
  const auto acts = [this](std::string_view action) { return Holds(route, action); };
  constexpr std::string_view kActions[] = {"cluster", "weighted_clusters", "redirect", "direct_response"};
  if (std::none_of(std::begin(kActions), std::end(kActions), acts)) yaml += "    cluster: backends\n";
  yaml += "    websocket:\n" + Indented(websocket, 6);
  if (!Holds(websocket, "keepalive")) yaml += "      keepalive: { interval: 0s }\n";
  yaml += "clusters:\n  - name: backends\n" + Indented(cluster, 4) + "    endpoints:\n";
  for (const std::string& endpoint : endpoints) {
    yaml += endpoint.starts_with('{') ? "      - " + endpoint + "\n" : "      - \"" + endpoint + "\"\n";
  }
  return yaml;
}

OneBackend::OneBackend(Config config) : hawser_(With(config, backend_).Yaml(), config.concurrency) {}

Tunnel OneBackend::Open(const Request& request, const Fields& more, const ConnectOptions& options) {
  Tunnel tunnel{.client = Connect(options), .backend = {}, .request = {}, .response = {}};
  EXPECT_TRUE(tunnel.client.open()) << tunnel.client.tls_error();
  tunnel.client.Send(request.Text());
  tunnel.backend = backend_.Accept();
  tunnel.request = ReadHead(tunnel.backend);
  tunnel.backend.Send(SwitchingProtocols(tunnel.request, more));
  tunnel.response = ReadHead(tunnel.client);
  EXPECT_EQ(tunnel.response.status(), 101) << tunnel.response.raw;
  return tunnel;
}

Head OneBackend::Refusal(std::string_view bytes, std::string* body) {
  Wire client = Connect();
  client.Send(bytes);
  EXPECT_TRUE(Eventually([&] { return client.HasInput() || backend_.contacted(); }));
  if (backend_.contacted()) {
    Wire backend = backend_.Accept();
    ADD_FAILURE() << "a backend was asked:\n" << ReadHead(backend).raw;
    return {};
  }
  const Head head = ReadHead(client);
  const std::string content = ReadBody(client, head);
  if (body != nullptr) *body = content;
  // Whoever was let through stands in the backend's queue before the one that follows here.
  const Tunnel next = Open({.more = {{"X-Probe", "next"}}});
  EXPECT_EQ(next.request.Value("X-Probe"), "next") << "a backend was asked:\n" << next.request.raw;
  return head;
}

void ExpectAlive(Tunnel& tunnel) {
  EXPECT_TRUE(tunnel.client.Send(EncodeMasked({.payload = "there"})));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "there");
  EXPECT_TRUE(tunnel.backend.Send(Encode({.payload = "and back"})));
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "and back");
}

Wire Join(const std::string& address, const Request& request, Head* head, const ConnectOptions& options) {
  Wire client = Wire::Connect(address, options);
  if (!client.open()) return {};
  client.Send(request.Text());
  const Head response = ReadHead(client);
  if (head != nullptr) *head = response;
  if (response.status() != 101) return {};
  return client;
}

}  // namespace hawser::integration
