// What counts as a failure of an endpoint that carries WebSockets: answers to handshakes, and the ends of
// tunnels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "nlohmann/json.hpp"
#include "tests/integration/harness/recording_backend.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration::outlier_test {
namespace {

// A backend that a test answers for, beside one that echoes. One of two may be ejected.
class Beside {
 public:
  explicit Beside(const std::vector<std::string>& cluster = {})
      : hawser_(Config{.endpoints = {bad_.address(), good_.address()},
                       .websocket = {"keepalive: { interval: 50ms, timeout: 100ms, to: backend }",
                                     "close_timeout: 200ms"},
                       .cluster = cluster}
                    .Yaml()) {}

  // The next tunnel through the backend that the test answers for.
  Tunnel Open() {
    Tunnel tunnel;
    for (int i = 0; i < 3; ++i) {
      tunnel.client = Wire::Connect(hawser_.listener());
      tunnel.client.Send(Request{}.Text());
      if (!Eventually([&] { return bad_.contacted() || tunnel.client.HasInput(); })) break;
      if (!bad_.contacted()) continue;
      tunnel.backend = bad_.Accept();
      tunnel.request = ReadHead(tunnel.backend);
      tunnel.backend.Send(SwitchingProtocols(tunnel.request));
      tunnel.response = ReadHead(tunnel.client);
      EXPECT_EQ(tunnel.response.status(), 101);
      return tunnel;
    }
    ADD_FAILURE() << "no handshake comes to " << bad_.address();
    return tunnel;
  }
  std::string State() {
    const auto page = nlohmann::json::parse(hawser_.AdminPage("/clusters"));
    for (const auto& endpoint : page["clusters"][0]["endpoints"]) {
      if (endpoint["address"] == bad_.address()) return endpoint["state"];
    }
    return "";
  }
  testing::AssertionResult Ended(int tunnels) {
    return hawser_.MetricIs("hawser_tunnel_duration_seconds_count", tunnels);
  }
  HawserProcess& hawser() { return hawser_; }

 private:
  FakeBackend bad_;
  EchoBackend good_{"good"};
  HawserProcess hawser_;
};

std::string Close(uint16_t code) {
  return std::string("\x88\x02", 2) + static_cast<char>(code >> 8) + static_cast<char>(code & 0xff);
}

// Three tunnels that end so, one after the other; then the endpoint's state.
template <typename End>
std::string AfterThree(End end) {
  Beside world;
  for (int i = 1; i <= 3; ++i) {
    const int before = static_cast<int>(world.hawser().Metric("hawser_tunnel_duration_seconds_count"));
    Tunnel tunnel = world.Open();
    end(tunnel);
    EXPECT_TRUE(world.hawser().MetricReaches("hawser_tunnel_duration_seconds_count", before + 1));
  }
  return world.State();
}

TEST(TunnelEnds, AResetIsTheEndpointsFault) {
  EXPECT_EQ(AfterThree([](Tunnel& tunnel) { tunnel.backend.Reset(); }), "ejected");
}

TEST(TunnelEnds, AnInternalErrorIsTheEndpointsFault) {
  EXPECT_EQ(AfterThree([](Tunnel& tunnel) {
              tunnel.backend.Send(Close(1011));
              EXPECT_EQ(tunnel.client.Read(2).size(), 2u);  // of the close frame
              tunnel.client.Close();
              tunnel.backend.Close();
            }),
            "ejected");
}

TEST(TunnelEnds, AnEarlyEndWithoutACloseFrameIsTheEndpointsFault) {
  EXPECT_EQ(AfterThree([](Tunnel& tunnel) { tunnel.backend.Close(); }), "ejected");
}

TEST(TunnelEnds, ABackendThatAnswersNoPingIsAtFault) {
  EXPECT_EQ(AfterThree([](Tunnel& tunnel) { tunnel.client.ReadEnd(); }), "ejected");
}

TEST(TunnelEnds, WhatAnApplicationChoosesIsNoFault) {
  for (const uint16_t code : {1000, 1001, 1008, 4000}) {
    EXPECT_EQ(AfterThree([code](Tunnel& tunnel) {
                tunnel.backend.Send(Close(code));
                EXPECT_EQ(tunnel.client.Read(2).size(), 2u);  // of the close frame
                tunnel.client.Close();
                tunnel.backend.Close();
              }),
              "in")
        << code;
  }
}

TEST(TunnelEnds, AClientThatLeavesIsNoFaultOfTheEndpoint) {
  EXPECT_EQ(AfterThree([](Tunnel& tunnel) {
              tunnel.client.Reset();
              tunnel.backend.Close();
            }),
            "in");
  EXPECT_EQ(AfterThree([](Tunnel& tunnel) {
              tunnel.client.Close();
              tunnel.backend.Reset();
            }),
            "in");
}

// --- Answers to handshakes ---

std::string AfterHandshakes(const std::string& answer) {
  RecordingBackend bad(answer);
  EchoBackend good("good");
  HawserProcess hawser(Config{.endpoints = {bad.address(), good.address()}}.Yaml());
  for (int i = 0; i < 8; ++i) Join(hawser.listener());
  const auto page = nlohmann::json::parse(hawser.AdminPage("/clusters"));
  for (const auto& endpoint : page["clusters"][0]["endpoints"]) {
    if (endpoint["address"] == bad.address()) return endpoint["state"];
  }
  return "";
}

TEST(HandshakeAnswers, AServerErrorAndAWrong101AreFailures) {
  EXPECT_EQ(AfterHandshakes(Response("500 Internal Server Error", "x")), "ejected");
  EXPECT_EQ(AfterHandshakes(Response("503 Service Unavailable", "x")), "ejected");
  EXPECT_EQ(
      AfterHandshakes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: wrong\r\n\r\n"),
      "ejected");
}

TEST(HandshakeAnswers, WhatAnApplicationRefusesIsNone) {
  EXPECT_EQ(AfterHandshakes(Response("401 Unauthorized", "x")), "in");
  EXPECT_EQ(AfterHandshakes(Response("404 Not Found", "x")), "in");
  EXPECT_EQ(AfterHandshakes(Response("200 OK", "x")), "in");
}

// Any answer to an ordinary request ends a row of failures, but none of handshakes.
TEST(HandshakeAnswers, OrdinaryRequestsDoNotHideThatHandshakesFail) {
  RecordingBackend bad(Response("500 Internal Server Error", "x"));
  EchoBackend good("good");
  HawserProcess hawser(Config{.endpoints = {bad.address(), good.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  for (int i = 0; i < 30; ++i) {
    for (int n = 0; n < 2; ++n) {
      client.Send(PlainGet("/"));
      ReadBody(client, ReadHead(client));
    }
    Join(hawser.listener());
  }
  EXPECT_TRUE(hawser.MetricReaches("hawser_endpoint_ejections_total", 1));
}

TEST(HandshakeAnswers, AServerErrorOfAnOrdinaryRequestIsNone) {
  RecordingBackend bad(Response("500 Internal Server Error", "x"));
  EchoBackend good("good");
  HawserProcess hawser(Config{.endpoints = {bad.address(), good.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  for (int i = 0; i < 8; ++i) {
    client.Send(PlainGet("/"));
    ReadBody(client, ReadHead(client));
  }
  EXPECT_TRUE(hawser.MetricIs("hawser_endpoint_ejections_total", 0));
}

}  // namespace
}  // namespace hawser::integration::outlier_test
