// A pool whose connections are fake streams, on a loop whose clock the test steps. What leaves and comes is
// the test's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/cluster/endpoint_registry.h"
#include "proxy/cluster/pool.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/in_turn.h"
#include "tests/fakes/lent_stream.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {

class FakeBackends : public testing::Test {
 protected:
  using State = Attempt::State;
  static constexpr std::chrono::milliseconds kTick{1};  // by which a timer may be late

  explicit FakeBackends(config::BackendProtocol protocol)
      : listener_(net::Listen(Address("127.0.0.1:0"), {}).value()),
        loop_(event::Loop::Create(clock_.reader()).value()) {
    fixture_ = this;
    settings_.name = "rooms";
    settings_.protocol = protocol;
    settings_.endpoints.push_back({.address = net::LocalAddress(listener_).value()});
    endpoint_ = registry_.Get("rooms", settings_.endpoints[0].address.literal());
    pool_ = std::make_unique<Pool>(*loop_, buffers_, MakeStream);
  }

  // Nothing is left of the pool, whatever has happened: no connection, no lease, no buffer, and no call to
  // come.
  ~FakeBackends() override {
    pool_ = nullptr;
    Turn();
    for (const auto& stream : streams_) EXPECT_TRUE(stream->closed());
    const int heard = owner_.heard;
    clock_.Advance(std::chrono::hours(1));
    for (int i = 0; i < 3; ++i) Run();
    EXPECT_EQ(owner_.heard, heard);
    EXPECT_EQ(endpoint().connecting(), 0);
    EXPECT_EQ(endpoint_.use_count(), 1) << "nobody keeps it";
    EXPECT_EQ(endpoint().idle_connections(), 0);
    EXPECT_EQ(endpoint().http2_connections(), 0);
    EXPECT_EQ(buffers_.in_use(), 0u);
  }

  struct Owner final : event::IoHandler {
    void OnReady(event::Ready) override { ++heard; }
    int heard = 0;
  };

  Endpoint& endpoint() { return *endpoint_; }
  fakes::FakeStream& stream(size_t i) { return *streams_.at(i); }
  fakes::FakeStream& newest() { return *streams_.back(); }
  size_t connections() const { return streams_.size(); }  // so far

  void Turn() { loop_->RunOnce(std::chrono::milliseconds(0)); }
  // Until nothing moves any more. Time stands still.
  void Run() {
    for (int quiet = 0; quiet < 3;) {
      bool moved = false;
      for (size_t i = 0; i < streams_.size(); ++i) moved |= streams_[i]->Deliver();
      Turn();
      quiet = moved ? 0 : quiet + 1;
    }
  }
  void Pass(base::Duration time) {
    clock_.Advance(time + kTick);
    Turn();
  }
  // The cluster as its settings are now, as after a reload.
  std::shared_ptr<const Cluster> Now() const { return std::make_shared<const Cluster>(settings_); }
  std::unique_ptr<Attempt> Begin(Need need = {}) { return pool_->Begin(Now(), endpoint(), need, owner_, 1); }
  void Return(uint64_t transport, std::unique_ptr<http::ClientStream> stream) {
    pool_->Return(endpoint(), transport, std::move(stream));
  }

  config::Cluster settings_;
  fakes::SteppedClock clock_;
  const net::Socket listener_;  // never accepts: the sockets to it are not used
  net::BufferPool buffers_;
  const std::unique_ptr<event::Loop> loop_;
  std::vector<std::unique_ptr<fakes::FakeStream>> streams_;
  EndpointRegistry registry_;
  std::shared_ptr<Endpoint> endpoint_;
  Owner owner_;
  std::unique_ptr<Pool> pool_;
  fakes::InTurn turn_{*loop_};
  // What a test does with a stream that the pool is about to get.
  std::function<void(fakes::FakeStream&)> on_connect_;

  static std::unique_ptr<net::ByteStream> MakeStream(event::Loop&, net::Socket) {
    fixture_->streams_.push_back(std::make_unique<fakes::FakeStream>());
    if (fixture_->on_connect_) fixture_->on_connect_(*fixture_->streams_.back());
    return std::make_unique<fakes::LentStream>(*fixture_->streams_.back());
  }

 private:
  inline static FakeBackends* fixture_ = nullptr;
};

}  // namespace hawser::cluster
