// What the tests of the loop share.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/event/loop.h"

namespace hawser::event {

struct Listener final : IoHandler {
  explicit Listener(std::function<void(Ready)> what = {}) : on_ready(std::move(what)) {}
  void OnReady(Ready ready) override {
    heard.push_back(ready);
    if (on_ready) on_ready(ready);
  }
  std::function<void(Ready)> on_ready;
  std::vector<Ready> heard;
};

struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0); }
  ~Pair() {
    for (const int fd : fds) {
      if (fd >= 0) close(fd);
    }
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  void Say() const { EXPECT_EQ(write(fds[1], "x", 1), 1); }
  int fds[2];
  Target target;
};

class LoopTest : public testing::Test {
 protected:
  void Turn() { loop->RunOnce(std::chrono::milliseconds(0)); }
  void Watch(Pair& pair, Listener& listener, uint8_t tag = 0, Interest interest = {.read = true}) {
    pair.target = Target(listener, tag);
    ASSERT_TRUE(loop->Add(pair.fds[0], pair.target, interest).ok());
  }
  std::unique_ptr<Loop> loop = std::move(Loop::Create()).value();
};

}  // namespace hawser::event
