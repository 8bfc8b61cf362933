#include "tests/integration/harness/site.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/integration/harness/frame.h"
#include "tests/integration/harness/http.h"

namespace hawser::integration {
namespace {

std::string ListOf(const std::string& name, const std::vector<std::string>& elements) {
  std::string text = name + (elements.empty() ? ": []\n" : ":\n");
  for (const std::string& element : elements) text += "  - " + element + "\n";
  return text;
}

std::string Further(const std::string& more) {
  return more.empty() ? "" : ", " + more;
}

}  // namespace

std::string Site::Yaml() const {
  std::string text;
  if (!admin.empty()) text += "admin: " + admin + "\n";
  if (!access_log.empty()) text += "access_log: " + access_log + "\n";
  for (const std::string& line : top) text += line + "\n";
  return text + ListOf("listeners", listeners) + ListOf("routes", routes) + ListOf("clusters", clusters);
}

std::string ListenerOf(const std::string& name, const std::string& address, const std::string& more) {
  return fmt::format("{{ name: {}, address: \"{}\"{} }}", name, address, Further(more));
}

std::string RouteOf(const std::string& name, const std::string& cluster, const std::string& more) {
  std::string text = more;
  const auto add = [&text](const std::string& field) { text += (text.empty() ? "" : ", ") + field; };
  if (more.find("match:") == std::string::npos) add("match: { path_prefix: /" + name + " }");
  if (more.find("websocket:") == std::string::npos) add("websocket: { keepalive: { interval: 0s } }");
  return fmt::format("{{ name: {}, cluster: {}, {} }}", name, cluster, text);
}

std::string ClusterOf(const std::string& name, const std::vector<std::string>& endpoints,
                      const std::string& more) {
  return fmt::format("{{ name: {}, endpoints: [ \"{}\" ]{} }}", name, fmt::join(endpoints, "\", \""),
                     Further(more));
}

std::string UnusedAddress() {
  static std::atomic<int> next_port = 8000;
  const int pid = getpid();  // up to 2^22
  return fmt::format("127.{}.{}.{}:{}", 1 + (pid >> 16) % 254, (pid >> 8) % 256, pid % 256, next_port++);
}

void ExpectEcho(Wire& client, const std::string& payload) {
  ASSERT_TRUE(client.open());
  client.Send(EncodeMasked({.payload = payload}));
  EXPECT_EQ(ReadFrame(client).payload, payload);
}

void ExpectClosed(Wire& client, uint16_t code) {
  const Frame close = ReadFrame(client);
  ASSERT_EQ(close.opcode, kClose) << close.payload;
  EXPECT_EQ(close.close_code(), code);
  client.Send(EncodeMasked(close));
  EXPECT_NE(client.ReadEnd(), End::kOpen);
  client.Close();
}

std::string Reloaded::Changes(const std::string& part) const {
  std::vector<std::string> changes;
  for (const auto& [list, sign] : {std::pair{"added", '+'}, {"removed", '-'}, {"changed", '~'}}) {
    std::vector<std::string> names;
    for (const auto& name : body.at(part).at(list)) names.push_back(sign + name.get<std::string>());
    std::sort(names.begin(), names.end());
    changes.insert(changes.end(), names.begin(), names.end());
  }
  return fmt::format("{}", fmt::join(changes, " "));
}

Reloaded PostReload(HawserProcess& hawser) {
  Wire wire = Wire::Connect(hawser.admin());
  wire.Send("POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  const Head head = ReadHead(wire);
  const std::string body = ReadBody(wire, head);
  Reloaded reloaded{.status = head.status(), .body = nlohmann::json::parse(body, nullptr, false)};
  EXPECT_TRUE(reloaded.body.is_object()) << head.raw << body;
  if (!reloaded.body.is_object()) reloaded.body = nlohmann::json::object();
  return reloaded;
}

Reloaded ReloadWith(HawserProcess& hawser, const Site& site) {
  hawser.Rewrite(site.Yaml());
  return PostReload(hawser);
}

Reloaded Apply(HawserProcess& hawser, const Site& site) {
  Reloaded reloaded = ReloadWith(hawser, site);
  EXPECT_EQ(reloaded.status, 200) << reloaded.body.dump(2);
  EXPECT_EQ(reloaded.result(), "applied") << reloaded.body.dump(2) << site.Yaml();
  return reloaded;
}

}  // namespace hawser::integration
