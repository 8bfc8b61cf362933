// A resolver that asks a DNS server of the test's own.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "proxy/event/loop.h"
#include "proxy/resolve/resolver.h"
#include "tests/fakes/dns_server.h"

namespace hawser::resolve {

using namespace std::chrono_literals;

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() {
    dns_.servers = {{*net::SocketAddress::Parse(server_.address())}};
    dns_.timeout = 10s;  // longer than a test: no answer is late, unless a test wants it to be
    files_ = {.resolv_conf = "/dev/null", .hosts = "/dev/null"};
  }

  resolve::Setup Read() const { return ReadSetup(dns_, files_).value(); }
  Resolver& resolver() {
    if (!resolver_) resolver_.emplace(*loop_, Read());
    return *resolver_;
  }
  // Turns of the loop until condition() holds.
  template <typename Condition>
  void RunUntil(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < end) loop_->RunOnce(5ms);
    EXPECT_TRUE(condition());
  }
  absl::StatusOr<Addresses> Find(const std::string& name) {
    std::optional<absl::StatusOr<Addresses>> result;
    const Lookup lookup =
        resolver().FindAddresses(name, [&](absl::StatusOr<Addresses> found) { result = std::move(found); });
    EXPECT_FALSE(result) << "not within the call";
    RunUntil([&] { return result.has_value(); });
    return result ? *std::move(result) : absl::UnknownError("the test gave up");
  }
  absl::StatusOr<Services> FindServices(const std::string& name) {
    std::optional<absl::StatusOr<Services>> result;
    const Lookup lookup =
        resolver().FindServices(name, [&](absl::StatusOr<Services> found) { result = std::move(found); });
    EXPECT_FALSE(result) << "not within the call";
    RunUntil([&] { return result.has_value(); });
    return result ? *std::move(result) : absl::UnknownError("the test gave up");
  }
  // "127.0.0.2 127.0.0.3", in the answer's order; or why there are none.
  std::string Ips(const std::string& name) {
    const auto found = Find(name);
    if (!found.ok()) return std::string(found.status().message());
    std::string text;
    for (const net::IpAddress& ip : found->ips) text += (text.empty() ? "" : " ") + ip.ToString();
    return text;
  }

  fakes::DnsServer server_;
  config::Dns dns_;
  SystemFiles files_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create()).value();
  std::optional<Resolver> resolver_;
};

}  // namespace hawser::resolve
