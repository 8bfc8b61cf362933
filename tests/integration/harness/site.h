// A configuration whose parts come and go, and the reloads that make them: for the tests of reload.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/hawser_process.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration {

// Each element of a list is a map in YAML's flow form, "{ name: main, address: ... }".
struct Site {
  std::string admin = "{ address: \"127.0.0.1:0\" }";  // none, if empty
  std::string access_log = "{ path: DIR/access.log }";
  std::vector<std::string> listeners = {};
  std::vector<std::string> routes = {};
  std::vector<std::string> clusters = {};
  std::vector<std::string> top = {};  // whole lines of the top level

  std::string Yaml() const;
};

// Elements of these lists; `more` goes on inside the map. A route matches "/<name>" and below, unless `more`
// has a match; its keepalive is off, unless `more` has a websocket.
std::string ListenerOf(const std::string& name, const std::string& address, const std::string& more = "");
std::string RouteOf(const std::string& name, const std::string& cluster, const std::string& more = "");
std::string ClusterOf(const std::string& name, const std::vector<std::string>& endpoints,
                      const std::string& more = "");

// An address of loopback that no other test has: each process has hosts of its own, each call another port.
std::string UnusedAddress();

// A message there and back, through a tunnel to an EchoBackend.
void ExpectEcho(Wire& client, const std::string& payload = "still here");
// The tunnel's close: answers it, waits for the end, and ends too.
void ExpectClosed(Wire& client, uint16_t code);

// What POST /reload answers.
struct Reloaded {
  int status = 0;
  nlohmann::json body;

  std::string result() const { return body.value("result", ""); }
  int generation() const { return body.value("generation", 0); }
  // Of a part, "listeners": "+new -old ~changed", in the order of the answer, each list sorted.
  std::string Changes(const std::string& part) const;
};
Reloaded PostReload(HawserProcess& hawser);
// With another file, which takes the place of the old one as a whole.
Reloaded ReloadWith(HawserProcess& hawser, const Site& site);
// A failure unless it is applied.
Reloaded Apply(HawserProcess& hawser, const Site& site);

}  // namespace hawser::integration
