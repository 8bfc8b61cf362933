// What most tests start with: hawser in front of one backend, and a tunnel through both.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/harness/fake_backend.h"
#include "tests/integration/harness/frame.h"
#include "tests/integration/harness/hawser_process.h"
#include "tests/integration/harness/http.h"

namespace hawser::integration {

// A configuration with one listener "main", one route "/" named "all" and one cluster "backends". Each list
// holds lines of YAML that are added to that part, "limits: { connections: 10 }".
struct Config {
  std::vector<std::string> endpoints = {};
  std::vector<std::string> listener = {};
  std::vector<std::string> route = {};
  std::vector<std::string> websocket = {};  // keepalive is off, unless it stands here
  std::vector<std::string> cluster = {};
  std::vector<std::string> top = {};    // whole lines of the top level, "drain: { window: 1s }"
  std::string address = "127.0.0.1:0";  // of the listener
  std::string log_format = "json";
  int concurrency = 1;

  std::string Yaml() const;
};

// The listener takes HTTP/2 without TLS. `more`: further lines of it.
Config PriorKnowledge(const std::vector<std::string>& more = {});

// A FakeBackend behind hawser, and a client in front of it.
struct Tunnel {
  Wire client;
  Wire backend;
  Head request;   // as the backend saw it
  Head response;  // as the client saw it
};

class OneBackend {
 public:
  explicit OneBackend(Config config = {});

  FakeBackend& backend() { return backend_; }
  HawserProcess& hawser() { return hawser_; }
  Wire Connect(const ConnectOptions& options = {}) { return Wire::Connect(hawser_.listener(), options); }
  // The whole handshake, with `more` fields in the 101.
  Tunnel Open(const Request& request = {}, const Fields& more = {}, const ConnectOptions& options = {});
  // The answer to what a client sends, from hawser alone: fails if a backend was asked.
  Head Refusal(std::string_view bytes, std::string* body = nullptr);

 private:
  FakeBackend backend_;
  HawserProcess hawser_;
};

// Sends a message there and back: shows that both directions of the tunnel work, and that everything before
// was handled.
void ExpectAlive(Tunnel& tunnel);

// The upgrade of a client against an EchoBackend: not open() if it was refused; `head` keeps the answer.
Wire Join(const std::string& address, const Request& request = {}, Head* head = nullptr,
          const ConnectOptions& options = {});

}  // namespace hawser::integration
