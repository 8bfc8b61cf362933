// What is tried again: after which answers and how often, within which time and budget.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/harness/recording_backend.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration::retry_test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string Get(HawserProcess& hawser, Head* head = nullptr, const std::string& request = PlainGet("/")) {
  Wire client = Wire::Connect(hawser.listener());
  client.Send(request);
  const Head answer = ReadHead(client);
  if (head != nullptr) *head = answer;
  return ReadBody(client, answer);
}

const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

LogLine LineWith(HawserProcess& hawser, const std::string& field, const std::string& value) {
  return hawser.WaitForLog([&](const LogLine& line) { return line.Has(field) && line[field] == value; });
}

TEST(Retry, AnAnswerThatIsNamedIsReplacedByAnotherEndpoints) {
  RecordingBackend busy(Response("503 Service Unavailable", "busy"));
  EchoBackend alive("alive");
  HawserProcess hawser(
      Config{.endpoints = {busy.address(), alive.address()}, .cluster = {"retry: { retry_on: [ 503 ] }"}}
          .Yaml());
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(Get(hawser), "alive");
    Head head;
    const Wire tunnel = Join(hawser.listener(), {}, &head);
    EXPECT_EQ(head.status(), 101) << "a handshake too";
  }
  const LogLine line = LineWith(hawser, "attempts", "2");  // a request's, or a tunnel's, whose client leaves
  EXPECT_THAT(line["flag"], AnyOf("RT", "DC,RT"));
  EXPECT_EQ(line["endpoint"], alive.address());
  EXPECT_EQ(line["backend_error"], line["event"] == "request" ? "answered 503" : "");
  EXPECT_EQ(alive.requests(), 12);
}

TEST(Retry, WithoutATryLeftTheAnswerComesAsItIs) {
  const std::string answer = Response("503 Service Unavailable", "busy", {{"Retry-After", "77"}});
  RecordingBackend one(answer);
  RecordingBackend other(answer);
  for (const std::string attempts : {"1", "5"}) {  // then there is no endpoint left
    HawserProcess hawser(Config{.endpoints = {one.address(), other.address()},
                                .cluster = {"retry: { attempts: " + attempts + ", retry_on: [ 503 ] }"}}
                             .Yaml());
    Head head;
    EXPECT_EQ(Get(hawser, &head), "busy");
    EXPECT_EQ(head.status(), 503);
    EXPECT_EQ(head.Value("Retry-After"), "77");
    EXPECT_THAT(one.Take(), StartsWith("GET / "));
    EXPECT_THAT(other.Take(), StartsWith("GET / "));
    const LogLine line = hawser.WaitForLog();
    EXPECT_EQ(line["attempts"], "2");
    EXPECT_EQ(line["flag"], attempts == "1" ? "RT,URX" : "RT");
  }
}

TEST(Retry, AnAnswerThatIsNotNamedIsRelayed) {
  RecordingBackend busy(Response("503 Service Unavailable", "busy"));
  RecordingBackend other(Response("200 OK", "fine"));
  for (const std::string& cluster : std::vector<std::string>{
           "connect_timeout: 5s", "retry: { retry_on: [ connect_failure, 502, 504 ] }"}) {
    HawserProcess hawser(Config{.endpoints = {busy.address(), other.address()}, .cluster = {cluster}}.Yaml());
    const std::vector<std::string> bodies{Get(hawser), Get(hawser)};
    EXPECT_THAT(bodies, testing::UnorderedElementsAre("busy", "fine")) << cluster;
  }
}

TEST(Retry, WhatIsNotIdempotentIsNotSentAgain) {
  RecordingBackend one(Response("503 Service Unavailable", "busy"));
  RecordingBackend other(Response("503 Service Unavailable", "busy"));
  HawserProcess hawser(
      Config{.endpoints = {one.address(), other.address()}, .cluster = {"retry: { retry_on: [ 503 ] }"}}
          .Yaml());
  EXPECT_EQ(Get(hawser, nullptr, kPost), "busy");
  EXPECT_TRUE(one.Take().empty() != other.Take().empty()) << "one of them has it";
}

TEST(Retry, ATryThatTakesTooLongIsFollowedByAnother) {
  FakeBackend silent;
  EchoBackend alive("alive");
  HawserProcess hawser(Config{.endpoints = {silent.address(), alive.address()},
                              .cluster = {"retry: { per_try_timeout: 100ms }"}}
                           .Yaml());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Get(hawser), "alive");
  EXPECT_EQ(LineWith(hawser, "attempts", "2")["backend_error"], "no answer within per_try_timeout");
  for (int i = 0; i < 2; ++i) {
    Head head;
    const Wire tunnel = Join(hawser.listener(), {}, &head);
    EXPECT_EQ(head.status(), 101);
  }
}

TEST(Retry, AfterATimeOutWhatIsNotIdempotentIsRefused) {
  FakeBackend silent;
  FakeBackend other;
  HawserProcess hawser(Config{.endpoints = {silent.address(), other.address()},
                              .cluster = {"retry: { per_try_timeout: 100ms }"}}
                           .Yaml());
  Head head;
  Get(hawser, &head, kPost);
  EXPECT_EQ(head.status(), 504);
  EXPECT_TRUE(silent.contacted() != other.contacted());
  EXPECT_EQ(hawser.WaitForLog()["reason"], "backend_timeout");
}

// --- The budget ---

TEST(Retry, OverTheBudgetTheFirstFailureIsTheLast) {
  FakeBackend gone;
  gone.Stop();
  EchoBackend alive("alive");
  HawserProcess hawser(Config{.endpoints = {gone.address(), alive.address()},
                              .cluster = {"retry: { budget_percent: 0, budget_least: 0 }"}}
                           .Yaml());
  int refused = 0;
  for (int i = 0; i < 4; ++i) {
    Head head;
    Get(hawser, &head);
    refused += head.status() == 503;
  }
  EXPECT_EQ(refused, 2);
  EXPECT_TRUE(hawser.MetricIs("hawser_backend_retries_over_budget_total", 2));
  const LogLine line = LineWith(hawser, "status", "503");
  EXPECT_EQ(line["flag"], "UF,URX");
  EXPECT_EQ(line["reason"], "connect_failed");
}

// A kept connection that ends is no failure of the endpoint's, which has had no load of it.
TEST(Retry, AKeptConnectionThatEndsNeedsNoBudget) {
  OneBackend world({.cluster = {"retry: { budget_percent: 0, budget_least: 0 }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/first"));
  Wire kept = world.backend().Accept();
  ReadHead(kept);
  kept.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  client.Send(PlainGet("/again"));
  ReadHead(kept);
  kept.Close();
  Wire fresh = world.backend().Accept();
  ReadHead(fresh);
  fresh.Send(Response("200 OK", "y"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "y");
}

}  // namespace
}  // namespace hawser::integration::retry_test
