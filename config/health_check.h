// How hawser asks endpoints whether they are well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/route_action.h"
#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct WebSocketCheck {
  std::string path = "/ws";
  bool ping = true;                 // a ping and its pong behind the 101
  std::optional<uint16_t> port;     // the endpoint's, if left out
  std::optional<std::string> host;  // of the request and, without its port, of SNI
  std::vector<HeaderField> headers;
  bool operator==(const WebSocketCheck&) const = default;
};

struct HttpCheck {
  std::string path = "/healthz";
  std::vector<uint16_t> expect = {200, 204};
  std::optional<uint16_t> port;  // these three as above
  std::optional<std::string> host;
  std::vector<HeaderField> headers;
  bool operator==(const HttpCheck&) const = default;
};

struct TcpCheck {
  std::optional<uint16_t> port;
  std::optional<std::string> host;   // without effect: a TCP connection carries no name
  std::vector<HeaderField> headers;  // without effect
  bool operator==(const TcpCheck&) const = default;
};

enum class OnUnhealthy : uint8_t { kKeep, kClose };

struct HealthCheck {
  std::optional<WebSocketCheck> websocket;  // exactly one of the three
  std::optional<HttpCheck> http;
  std::optional<TcpCheck> tcp;
  Duration interval = 5s;
  Duration unhealthy_interval = 1s;  // while it is unhealthy, or the last result was a failure
  Duration timeout = 1s;             // of one check, with its connection
  uint32_t healthy_threshold = 2;
  uint32_t unhealthy_threshold = 3;
  OnUnhealthy on_unhealthy = OnUnhealthy::kKeep;  // what becomes of open tunnels
  bool operator==(const HealthCheck&) const = default;
};

void Describe(Description& d, const WebSocketCheck& check);
void Describe(Description& d, const HttpCheck& check);
void Describe(Description& d, const TcpCheck& check);
void Describe(Description& d, const HealthCheck& check);

void CheckHealthCheck(const HealthCheck& health_check, const Checks& checks);

}  // namespace hawser::config
