#include "proxy/server/bindings.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "gmock/gmock.h"

namespace hawser::server::bindings_test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

net::SocketAddress At(const std::string& address) {
  return net::SocketAddress::Parse(address).value();
}

Wanted Listener(const std::string& name, const net::SocketAddress& address, size_t sockets = 1) {
  return {.listener = name, .address = address, .sockets = sockets};
}

// Whether the kernel takes connections there.
bool Listens(const net::SocketAddress& address) {
  const auto client = net::Connect(address);
  if (!client.ok()) return false;
  pollfd made{.fd = client->fd(), .events = POLLOUT, .revents = 0};
  poll(&made, 1, 30'000);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(client->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0;
}

struct Failures {
  void operator()(size_t index, const absl::Status&) { indices.push_back(index); }
  std::vector<size_t> indices;
};

class BindingsTest : public testing::Test {
 protected:
  // As a reload that has no error.
  std::vector<Binding> Take(std::vector<Wanted> wanted, std::span<const Binding> before = {}) {
    std::vector<Binding> bindings = Bind(std::move(wanted), before, std::ref(failures_));
    BeginListening(bindings, before, std::ref(failures_));
    EXPECT_THAT(failures_.indices, IsEmpty());
    return bindings;
  }
  Failures failures_;
};

TEST_F(BindingsTest, EveryThreadHasASocketOfItsOwnOnThePortThatItBecame) {
  const auto bound = Take({Listener("a", At("127.0.0.1:0"), 3), Listener("b", At("127.0.0.1:0"))});
  ASSERT_THAT(bound, SizeIs(2));
  EXPECT_THAT(bound[0].sockets, SizeIs(3));
  EXPECT_NE(bound[0].bound.port(), 0);
  EXPECT_NE(bound[0].bound, bound[1].bound);
  for (const net::Socket& socket : bound[0].sockets) {
    EXPECT_EQ(net::LocalAddress(socket).value(), bound[0].bound);
  }
  EXPECT_TRUE(Listens(bound[0].bound));
}

TEST_F(BindingsTest, WhatIsOnlyBoundTakesNobody) {
  auto bound = Bind({Listener("a", At("127.0.0.1:0"))}, {}, std::ref(failures_));
  EXPECT_FALSE(Listens(bound[0].bound));
  BeginListening(bound, {}, std::ref(failures_));
  EXPECT_TRUE(Listens(bound[0].bound));
}

TEST_F(BindingsTest, TheSameAddressKeepsItsSocketsUnderAnyName) {
  const auto before = Take({Listener("a", At("127.0.0.1:0")), Listener("b", At("127.0.0.1:0"))});
  const auto after = Take({Listener("b", before[0].bound), Listener("new", before[1].bound)}, before);
  EXPECT_EQ(after[0].bound, before[0].bound);
  EXPECT_EQ(after[1].bound, before[1].bound);
  EXPECT_THAT(after[0].sockets, IsEmpty());
  EXPECT_THAT(after[1].sockets, IsEmpty());
  EXPECT_THAT(Gone(before, after), IsEmpty());
}

TEST_F(BindingsTest, AnyPortIsKeptByTheListenersName) {
  const auto before = Take({Listener("a", At("127.0.0.1:0")), Listener("b", At("127.0.0.1:0"))});
  const auto after = Take(
      {Listener("c", At("127.0.0.1:0")), Listener("b", At("127.0.0.1:0")), Listener("a", At("127.0.0.1:0"))},
      before);
  EXPECT_THAT(after[0].sockets, SizeIs(1));
  EXPECT_EQ(after[1].bound, before[1].bound);
  EXPECT_EQ(after[2].bound, before[0].bound);
  const auto renamed = Take({Listener("x", At("127.0.0.1:0"))}, after);
  EXPECT_THAT(renamed[0].sockets, SizeIs(1));
  EXPECT_THAT(Gone(after, renamed), SizeIs(3));
}

TEST_F(BindingsTest, APortInUseIsAFailure) {
  const auto other = Take({Listener("other", At("127.0.0.1:0"))});
  Bind({Listener("a", At("127.0.0.1:0")), Listener("b", other[0].bound)}, {}, std::ref(failures_));
  EXPECT_THAT(failures_.indices, ElementsAre(1));
}

TEST_F(BindingsTest, OnlyAnAddressOfOurOwnThatGoesIsNotInUse) {
  const auto before = Take({Listener("a", At("127.0.0.1:0"), 2), Listener("b", At("127.0.0.1:0"))});
  const net::SocketAddress any(net::IpAddress(), before[0].bound.port());
  const auto after = Take({Listener("a", any, 2), Listener("b", before[1].bound)}, before);
  EXPECT_THAT(after[0].sockets, SizeIs(2));
  EXPECT_THAT(Gone(before, after), ElementsAre(before[0].bound));
  Bind({Listener("a", before[0].bound), Listener("c", any)}, before, std::ref(failures_));
  EXPECT_THAT(failures_.indices, ElementsAre(1));
}

TEST_F(BindingsTest, TheAdminListenerAndAnotherSwapPorts) {
  const auto before = Take({Listener("", At("127.0.0.1:0")), Listener("a", At("127.0.0.1:0"), 2)});
  const auto after = Take({Listener("", before[1].bound), Listener("a", before[0].bound, 2)}, before);
  EXPECT_THAT(after[0].sockets, SizeIs(1));
  EXPECT_THAT(after[1].sockets, SizeIs(2));
}

class BindingFilesTest : public BindingsTest {
 protected:
  BindingFilesTest() {
    std::string name = (fs::temp_directory_path() / "bindings_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~BindingFilesTest() override { fs::remove_all(folder_); }
  net::SocketAddress Named(const std::string& name) const { return At("unix:" + (folder_ / name).string()); }
  static mode_t ModeOf(const net::SocketAddress& address) {
    struct stat file {};
    return stat(address.path().c_str(), &file) == 0 ? file.st_mode & 07777 : 0;
  }
  fs::path folder_;
};

TEST_F(BindingFilesTest, AFileIsKeptAndGetsItsNewMode) {
  Wanted wanted = Listener("a", Named("s"), 2);
  wanted.mode = 0600;
  const auto before = Take({wanted});
  EXPECT_THAT(before[0].sockets, SizeIs(2));
  EXPECT_EQ(ModeOf(Named("s")), 0600U);
  wanted.mode = 0660;
  const auto after = Take({wanted}, before);
  EXPECT_THAT(after[0].sockets, IsEmpty());
  EXPECT_EQ(ModeOf(Named("s")), 0660U);
}

TEST_F(BindingFilesTest, WhatIsGivenUpLeavesNoFile) {
  const auto before = Take({Listener("a", Named("old"))});
  auto next = Bind({Listener("a", Named("old")), Listener("b", Named("new"))}, before, std::ref(failures_));
  EXPECT_TRUE(fs::exists(Named("new").path()));
  GiveUp(std::move(next));
  EXPECT_FALSE(fs::exists(Named("new").path()));
  EXPECT_TRUE(fs::exists(Named("old").path()));
}

TEST_F(BindingFilesTest, AFileKeepsItsModeWhereAnotherAddressCannotBeListenedOn) {
  Wanted wanted = Listener("a", Named("s"));
  wanted.mode = 0600;
  const auto before = Take({wanted});
  wanted.mode = 0660;
  auto next = Bind({wanted, Listener("b", At("127.0.0.1:0"))}, before, std::ref(failures_));
  next[1].sockets[0] = net::Socket();
  BeginListening(next, before, std::ref(failures_));
  EXPECT_THAT(failures_.indices, ElementsAre(1));
  EXPECT_EQ(ModeOf(Named("s")), 0600U);
}

TEST_F(BindingFilesTest, TheAdminListenersFileGoesWithItsAddress) {
  const auto before = Take({Listener("a", Named("s")), Listener("", Named("admin"))});
  EXPECT_THAT(Gone(before, Take({Listener("a", Named("s"))}, before)), ElementsAre(Named("admin")));
  const auto moved = Take({Listener("a", Named("s")), Listener("", Named("admin2"))}, before);
  EXPECT_THAT(Gone(before, moved), ElementsAre(Named("admin")));
}

TEST_F(BindingFilesTest, AFileThatSomebodyServesIsAFailure) {
  const auto other = Take({Listener("other", Named("s"))});
  Bind({Listener("a", Named("s"))}, {}, std::ref(failures_));
  EXPECT_THAT(failures_.indices, ElementsAre(0));
  EXPECT_TRUE(fs::exists(Named("s").path()));
}

}  // namespace
}  // namespace hawser::server::bindings_test
