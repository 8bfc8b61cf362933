#include "proxy/admin/admin_server.h"

#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "gmock/gmock.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/server/fixture.h"

namespace hawser::admin {
namespace {

using namespace std::chrono_literals;
using server::Peer;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Get(const std::string& path, const std::string& method = "GET") {
  return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

class AdminServerTest : public testing::Test {
 protected:
  void Start() {
    Listen("127.0.0.1:0");
    admin_address_ = admin_->address();
  }
  void Listen(const std::string& address) {
    settings_.address = net::SocketAddress::Parse(address).value();
    EXPECT_TRUE(admin_->Apply(settings_, net::Listen(*settings_.address, {}).value()).ok());
  }
  Peer Connect() {
    Peer client(admin_address_);
    Turn();
    return client;
  }
  void Turn() { loop_->RunOnce(0ms); }
  void Pass(base::Duration time) {
    clock_.Advance(time + 1ms);
    Turn();
  }

  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create(clock_.reader())).value();
  config::Admin settings_{.connections = 3, .timeout = 30s};
  std::unique_ptr<AdminServer> admin_ =
      std::make_unique<AdminServer>(*loop_, [this](const Request& request, Reply reply) {
        asked_.emplace_back(request.path);
        counts_ = request.counts;
        later_ ? waiting_.push_back(std::move(reply)) : reply(page_);
      });
  net::SocketAddress admin_address_;
  Page page_{.body = "the page\n"};
  bool later_ = false;         // pages take their time
  std::deque<Reply> waiting_;  // those
  std::vector<std::string> asked_;
  Counts counts_;  // as of the last request that was let in
};

TEST_F(AdminServerTest, AnswersOneRequestAndEnds) {
  Start();
  Peer client = Connect();
  client.Send(Get("/stats?format=x") + Get("/another"));
  Turn();
  EXPECT_THAT(asked_, ElementsAre("/stats"));
  EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
  for (const char* field : {"\r\nContent-Type: text/plain; charset=utf-8\r\n", "\r\nContent-Length: 9\r\n",
                            "\r\nCache-Control: no-store\r\n", "\r\nX-Content-Type-Options: nosniff\r\n",
                            "\r\nConnection: close\r\n", "\r\nDate: "}) {
    EXPECT_THAT(client.Heard(), HasSubstr(field));
  }
  EXPECT_THAT(client.Heard(), EndsWith("\r\n\r\nthe page\n"));
  EXPECT_TRUE(client.ended());
}

TEST_F(AdminServerTest, AHeadHasNoBody) {
  Start();
  Peer head = Connect();
  head.Send(Get("/ready", "HEAD"));
  Turn();
  EXPECT_THAT(head.Heard(), HasSubstr("\r\nContent-Length: 9\r\n"));
  EXPECT_THAT(head.Heard(), EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, APageThatDoesNotTakeTheMethodSaysWhichItTakes) {
  page_ = {.status = 405, .allow = "GET, HEAD"};
  Start();
  Peer client = Connect();
  client.Send(Get("/ready", "PUT"));
  Turn();
  EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(client.Heard(), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
}

TEST_F(AdminServerTest, AMalformedRequestIsAnswered400) {
  Start();
  Peer client = Connect();
  client.Send("HELP\r\n\r\n");
  Turn();
  EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(client.Heard(), Not(HasSubstr("Allow")));
}

TEST_F(AdminServerTest, OneByteATurn) {
  Start();
  Peer client = Connect();
  for (const char byte : Get("/ready")) {
    client.Send({&byte, 1});
    Turn();
  }
  EXPECT_THAT(client.Heard(), EndsWith("the page\n"));
}

TEST_F(AdminServerTest, ALargePageIsSentAsItIsTaken) {
  page_.body.assign(8 << 20, 'x');
  Start();
  Peer client = Connect();
  client.Send(Get("/tunnels"));
  client.End();  // it still reads
  for (int i = 0; i < 1000 && !client.ended(); ++i) Turn();
  EXPECT_TRUE(client.ended());
  EXPECT_THAT(client.Heard().size(), testing::Gt(page_.body.size()));
  EXPECT_EQ(client.Heard().substr(client.Heard().find("\r\n\r\n") + 4), page_.body);
}

// --- Pages that take their time ---

TEST_F(AdminServerTest, APageMayComeLater) {
  later_ = true;
  Start();
  Peer client = Connect();
  client.Send(Get("/tunnels"));
  Turn();
  EXPECT_EQ(client.Heard(), "");
  waiting_.front()({.status = 503, .body = "busy\n"});
  EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(AdminServerTest, APageWhoseClientHasGoneIsDropped) {
  later_ = true;
  Start();
  Peer client = Connect();
  client.Send(Get("/tunnels"));
  Turn();
  Pass(30s);
  EXPECT_TRUE(client.ended());
  waiting_.front()({.body = "too late\n"});
  Turn();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(AdminServerTest, APageAndTheConnectionsTimeInOneTurn) {
  later_ = true;
  Start();
  Peer client = Connect();
  client.Send(Get("/tunnels"));
  Turn();
  clock_.Advance(30s + 1ms);
  waiting_.front()({.body = "just in time\n"});
  Turn();
  EXPECT_THAT(client.Heard(), EndsWith("just in time\n"));
  EXPECT_TRUE(client.ended());
}

// --- Clients that take their time ---

TEST_F(AdminServerTest, AConnectionEndsAtItsTimeOutWhateverItDoes) {
  Start();
  Peer silent = Connect();
  Peer slow = Connect();
  Peer lingering = Connect();
  slow.Send("GET /");
  lingering.Send(Get("/ready"));
  Pass(15s);
  slow.Send(" HT");
  Turn();
  EXPECT_FALSE(silent.ended());
  Pass(15s);
  EXPECT_TRUE(silent.ended());
  EXPECT_TRUE(slow.ended());
  EXPECT_EQ(slow.Heard(), "");
  lingering.Send("x");  // what answers this is a reset: nothing is open any more
  Turn();
}

TEST_F(AdminServerTest, AClientsEndAndItsTimeInOneTurn) {
  Start();
  Peer client = Connect();
  client.End();
  Pass(30s);
  EXPECT_TRUE(client.ended());
}

TEST_F(AdminServerTest, TheOldestConnectionThatWaitsForItsClientMakesRoom) {
  later_ = true;
  Start();
  Peer rendering = Connect();
  rendering.Send(Get("/tunnels"));
  Turn();
  Peer oldest = Connect();
  Peer younger = Connect();
  Peer youngest = Connect();
  EXPECT_FALSE(rendering.ended());
  EXPECT_TRUE(oldest.ended());
  EXPECT_FALSE(younger.ended());
  youngest.Send(Get("/ready"));
  Turn();
  EXPECT_EQ(counts_.evictions, 1U);
}

TEST_F(AdminServerTest, WhereAllWaitForTheirPagesANewOneIsClosed) {
  later_ = true;
  Start();
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect());
    clients.back().Send(Get("/tunnels"));
    Turn();
  }
  Peer another = Connect();
  EXPECT_TRUE(another.ended());
  for (Reply& reply : waiting_) reply({.body = "page\n"});
  for (Peer& client : clients) EXPECT_THAT(client.Heard(), EndsWith("page\n"));
}

// --- What other people's web pages send ---

TEST_F(AdminServerTest, ForeignRequestsAreRefusedAndCounted) {
  settings_.hosts = {"ops.example"};
  Start();
  for (const char* head : {"Host: evil.example\r\n", "Host: localhost\r\nOrigin: null\r\n",
                           "Host: ops.example\r\nOrigin: http://evil.example\r\n",
                           "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"}) {
    for (const char* method : {"GET", "HEAD", "POST", "OPTIONS"}) {
      Peer client = Connect();
      client.Send(std::string(method) + " /ready HTTP/1.1\r\n" + head + "\r\n");
      Turn();
      EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 403 Forbidden\r\n")) << method << " " << head;
    }
  }
  EXPECT_THAT(asked_, ElementsAre());
  Peer own = Connect();
  own.Send("GET /ready HTTP/1.1\r\nHost: ops.example\r\nOrigin: http://ops.example\r\n\r\n");
  Turn();
  EXPECT_THAT(own.Heard(), EndsWith("the page\n"));
  EXPECT_THAT(counts_.refused, ElementsAre(0, 4, 8, 4));
}

TEST_F(AdminServerTest, AUnixSocketTakesAnyHost) {
  const std::string path = testing::TempDir() + "hawser-admin-host-" + std::to_string(getpid());
  Listen("unix:" + path);
  admin_address_ = admin_->address();
  Peer client = Connect();
  client.Send("GET /ready HTTP/1.1\r\nHost: whatever\r\n\r\n");
  Turn();
  EXPECT_THAT(client.Heard(), EndsWith("the page\n"));
}

// --- POST ---

std::string Post(const std::string& fields, const std::string& body = "") {
  return "POST /reload HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n" + body;
}

TEST_F(AdminServerTest, TheBodyOfAPostIsDropped) {
  Start();
  for (const std::string& request : {Post(""), Post("Content-Length: 0\r\n"),
                                     Post("Content-Length: 65536\r\n", std::string(65536, 'x'))}) {
    Peer client = Connect();
    client.Send(request);
    for (int i = 0; i < 3; ++i) Turn();
    EXPECT_THAT(client.Heard(), EndsWith("the page\n"));
    client.End();
    Turn();
    EXPECT_TRUE(client.ended());
  }
  EXPECT_THAT(asked_, ElementsAre("/reload", "/reload", "/reload"));
}

TEST_F(AdminServerTest, ABodyWithoutABoundIsRefused) {
  Start();
  Peer chunked = Connect();
  chunked.Send(Post("Transfer-Encoding: chunked\r\n"));
  Turn();
  EXPECT_THAT(chunked.Heard(), StartsWith("HTTP/1.1 411 "));
  for (const char* length : {"65537", "9223372036854775807"}) {
    Peer large = Connect();
    large.Send(Post("Content-Length: " + std::string(length) + "\r\n"));
    Turn();
    EXPECT_THAT(large.Heard(), StartsWith("HTTP/1.1 413 ")) << length;
  }
  EXPECT_THAT(asked_, ElementsAre());
}

TEST_F(AdminServerTest, APostIsAnsweredHoweverLongItTakes) {
  later_ = true;
  Start();
  Peer client = Connect();
  client.Send(Post(""));
  Turn();
  Pass(10min);
  EXPECT_FALSE(client.ended());
  waiting_.front()({.body = "at last\n"});
  EXPECT_THAT(client.Heard(), EndsWith("at last\n"));
}

TEST_F(AdminServerTest, TheAnswerToAPostHasItsOwnTime) {
  later_ = true;
  Start();
  Peer client = Connect();
  client.Send(Post(""));
  Turn();
  Pass(29s);
  waiting_.front()({.body = std::string(8 << 20, 'x')});
  Pass(29s);
  EXPECT_FALSE(client.ended());
  Pass(10min);
  while (!client.ended()) Turn();
  EXPECT_THAT(client.Heard().size(), testing::Lt(8U << 20));
}

TEST_F(AdminServerTest, APostThatHasNotComeWholeEndsAtItsTime) {
  Start();
  Peer client = Connect();
  client.Send("POST /reload HTTP/1.1\r\n");
  Pass(30s);
  EXPECT_TRUE(client.ended());
}

TEST_F(AdminServerTest, APostThatTakesLongMakesRoom) {
  later_ = true;
  Start();
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect());
    clients.back().Send(Post(""));
    Turn();
  }
  Peer early = Connect();
  EXPECT_TRUE(early.ended());
  Pass(30s);
  Peer late = Connect();
  EXPECT_FALSE(late.ended());
  EXPECT_TRUE(clients.front().ended());
  for (Reply& reply : waiting_) reply({.body = "page\n"});
  EXPECT_THAT(clients.back().Heard(), EndsWith("page\n"));
}

// --- Another socket, other settings ---

TEST_F(AdminServerTest, MovesToAnotherSocketAndOpenConnectionsGoOn) {
  later_ = true;
  Start();
  Peer asked = Connect();
  asked.Send(Post(""));
  Turn();
  Peer idle = Connect();
  Peer queued(admin_address_);
  const net::SocketAddress old = std::exchange(admin_address_, {});
  Listen("127.0.0.1:0");
  admin_address_ = admin_->address();
  EXPECT_NE(old, admin_address_);
  Peer refused(old);
  Turn();
  EXPECT_TRUE(refused.ended());
  later_ = false;
  waiting_.front()({.body = "moved\n"});
  EXPECT_THAT(asked.Heard(), EndsWith("moved\n"));
  for (Peer* client : {&idle, &queued}) {
    client->Send(Get("/ready"));
    Turn();
    EXPECT_THAT(client->Heard(), EndsWith("the page\n"));
  }
  Peer next = Connect();
  next.Send(Get("/ready"));
  Turn();
  EXPECT_THAT(next.Heard(), EndsWith("the page\n"));
}

TEST_F(AdminServerTest, StopsAndStartsToListen) {
  Start();
  Peer open = Connect();
  settings_.address.reset();
  ASSERT_TRUE(admin_->Apply(settings_, {}).ok());
  EXPECT_FALSE(admin_->listening());
  open.Send(Get("/ready"));
  Turn();
  EXPECT_THAT(open.Heard(), EndsWith("the page\n"));
  Start();
  Peer again = Connect();
  again.Send(Get("/ready"));
  Turn();
  EXPECT_THAT(again.Heard(), EndsWith("the page\n"));
}

TEST_F(AdminServerTest, TheFileOfASocketIsRemovedAtTheEndAlone) {
  const std::string path = testing::TempDir() + "hawser-admin-" + std::to_string(getpid());
  Listen("unix:" + path);
  Start();
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  Listen("unix:" + path);
  admin_.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST_F(AdminServerTest, OtherSettingsHoldAtOnceOnTheSameSocket) {
  Start();
  Peer oldest = Connect();
  Peer younger = Connect();
  settings_.connections = 2;
  settings_.timeout = 10s;
  ASSERT_TRUE(admin_->Apply(settings_, {}).ok());
  Peer youngest = Connect();
  EXPECT_TRUE(oldest.ended());
  EXPECT_FALSE(younger.ended());
  Pass(10s);
  EXPECT_TRUE(youngest.ended());
  EXPECT_FALSE(younger.ended());
}

TEST_F(AdminServerTest, PausesWhileThereIsNoDescriptor) {
  Start();
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  Peer client(admin_address_);
  client.Send(Get("/ready"));
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  Turn();
  setrlimit(RLIMIT_NOFILE, &before);
  Turn();
  EXPECT_EQ(client.Heard(), "") << "the pause is not over";
  Pass(100ms);  // over
  Turn();       // accepts
  Turn();       // reads
  EXPECT_THAT(client.Heard(), EndsWith("the page\n"));
}

TEST_F(AdminServerTest, ItsDestructionEndsItsConnections) {
  later_ = true;
  Start();
  Peer client = Connect();
  client.Send(Get("/tunnels"));
  Turn();
  waiting_.clear();
  admin_.reset();
  EXPECT_TRUE(client.ended());
  Turn();
}

}  // namespace
}  // namespace hawser::admin
