#include "proxy/base/thread.h"

#include <csignal>
#include <string>

#include <gtest/gtest.h>

namespace hawser::base {
namespace {

TEST(Thread, RunsUnderItsNameAndIsJoined) {
  std::string name(16, '\0');
  bool blocked = false;
  Thread thread;
  ASSERT_TRUE(thread
                  .Start("a-name",
                         [&] {
                           // The name is given from outside, a moment after the start.
                           while (pthread_getname_np(pthread_self(), name.data(), name.size()) == 0 &&
                                  name[0] != 'a')
                             continue;
                           sigset_t mask;
                           pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                           blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGSEGV) == 0;
                         })
                  .ok());
  EXPECT_TRUE(thread.running());
  thread.Join();
  EXPECT_FALSE(thread.running());
  EXPECT_STREQ(name.c_str(), "a-name");
  EXPECT_TRUE(blocked) << "a signal to the process could end it through this thread";
  thread.Join();
}

TEST(Thread, LeavesTheSignalsOfItsStarterAsTheyWere) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Thread thread;
  ASSERT_TRUE(thread.Start("idle", [] {}).ok());
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

}  // namespace
}  // namespace hawser::base
