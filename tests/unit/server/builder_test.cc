#include "proxy/server/builder.h"

#include <future>
#include <thread>
#include <vector>

#include "gmock/gmock.h"

namespace hawser::server::builder_test {
namespace {

using testing::ElementsAre;

constexpr std::chrono::seconds kLong{30};

TEST(Builder, RunsJobsInTheirOrderOnAThreadOfItsOwn) {
  auto builder = Builder::Create().value();
  std::vector<int> order;
  std::promise<std::thread::id> thread;
  builder->Run([&] { order.push_back(1); });
  ASSERT_TRUE(builder->Start().ok());
  builder->Run([&] { order.push_back(2); });
  builder->Run([&] { thread.set_value(std::this_thread::get_id()); });
  auto done = thread.get_future();
  ASSERT_EQ(done.wait_for(kLong), std::future_status::ready);
  EXPECT_NE(done.get(), std::this_thread::get_id());
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(Builder, DestroysWhatItIsGiven) {
  auto builder = Builder::Create().value();
  ASSERT_TRUE(builder->Start().ok());
  std::promise<std::thread::id> thread;
  std::shared_ptr<int> object(new int(1), [&thread](const int* value) {
    thread.set_value(std::this_thread::get_id());
    delete value;
  });
  builder->Destroy(std::move(object));
  auto done = thread.get_future();
  ASSERT_EQ(done.wait_for(kLong), std::future_status::ready);
  EXPECT_NE(done.get(), std::this_thread::get_id());
}

TEST(Builder, WhatItDoesNotComeToIsDestroyedWithIt) {
  auto builder = Builder::Create().value();
  ASSERT_TRUE(builder->Start().ok());
  std::promise<void> running, go_on;
  builder->Run([&] {
    running.set_value();
    go_on.get_future().wait();
  });
  ASSERT_EQ(running.get_future().wait_for(kLong), std::future_status::ready);
  auto object = std::make_shared<int>(1);
  builder->Run([object] {});
  std::thread stop([&] { builder->Stop(); });
  go_on.set_value();
  stop.join();
  builder.reset();
  EXPECT_EQ(object.use_count(), 1);
}

}  // namespace
}  // namespace hawser::server::builder_test
