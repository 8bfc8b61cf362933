// Writing, ending and the protocol's corners: what a peer that does not read, or does not behave, can do.
#include "proxy/tls/tls_stream.h"
#include "tests/fakes/tcp_segments.h"
#include "tests/unit/tls/fixture.h"

namespace hawser::tls {
namespace {

using net::CloseReason;
using net::IoState;
using testing::HasSubstr;

struct Shared {
  Directory directory;
  CertificateFiles files = directory.Ecdsa({"localhost", "127.0.0.1"});
  std::shared_ptr<const ServerContext> context = ContextOf({.certificates = {files}});
};

const Shared& Common() {
  static const Shared shared;
  return shared;
}

class TlsWriting : public testing::TestWithParam<int> {
 protected:
  ~TlsWriting() override { EXPECT_EQ(ERR_peek_error(), 0U); }

  Link& Connect(std::pair<net::Socket, net::Socket> sockets = UnixPair()) {
    link_.emplace(Common().context, PeerOptions{.max_version = GetParam()}, std::move(sockets));
    EXPECT_EQ(link_->Shake(), HandshakeResult::kDone);
    return *link_;
  }
  // With a server whose socket takes little at once.
  Link& ConnectNarrow() {
    auto sockets = UnixPair();
    ShrinkBuffers(sockets.first.fd());
    ShrinkBuffers(sockets.second.fd());
    return Connect(std::move(sockets));
  }

  std::optional<Link> link_;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsWriting, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& one) { return one.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(TlsWriting, ASlowReaderBlocksTheWriterAndLosesNothing) {
  Link& link = ConnectNarrow();
  const std::string text = RandomText(1 << 20);
  std::string_view rest = text;
  const auto first = link.server->Write(Bytes(rest));
  EXPECT_EQ(first.state, IoState::kBlocked);
  EXPECT_GT(first.bytes, 0U);
  constexpr size_t kSlabsOfOneCall = event::Loop::kScratchBytes / net::Slab::kBytes + 1;
  EXPECT_LE(link.pool.in_use(), kSlabsOfOneCall) << "no more than one call made";
  rest.remove_prefix(first.bytes);

  const size_t held = link.pool.in_use();
  const auto second = link.server->Write(Bytes(rest));
  EXPECT_EQ(second.bytes, 0U) << "nothing is taken on top of a tail";
  EXPECT_EQ(second.state, IoState::kBlocked);
  EXPECT_EQ(link.pool.in_use(), held);

  std::string received;
  while (received.size() < text.size()) {
    link.peer.Fill(1000);
    received += link.peer.Read();
    const auto more = link.server->Write(Bytes(rest));
    ASSERT_NE(more.state, IoState::kError);
    rest.remove_prefix(more.bytes);
  }
  EXPECT_TRUE(received == text);
  EXPECT_EQ(link.server->Write({}).state, IoState::kOk);
  EXPECT_EQ(link.pool.in_use(), 0U);
}

TEST_P(TlsWriting, TheLoopTellsWhenATailCanMove) {
  Link& link = ConnectNarrow();
  link.server->Watch(&link.recorder, 2);
  const std::string text = RandomText(100'000);
  size_t taken = link.server->Write(Bytes(text)).bytes;
  ASSERT_EQ(taken, text.size()) << "encrypted whole, held as a tail";
  IoState state = IoState::kBlocked;
  link.recorder.then = [&](event::Ready ready) {
    if (ready.writable) state = link.server->Write({}).state;
    link.server->Want({.write = state == IoState::kBlocked});
  };
  link.server->Want({.write = true});
  link.loop->RunOnce(base::Duration(0));
  EXPECT_TRUE(link.recorder.heard.empty()) << "the socket is full";
  std::string received;
  while (received.size() < text.size()) {
    link.peer.Fill();
    received += link.peer.Read();
    link.loop->RunOnce(base::Duration(0));
  }
  EXPECT_TRUE(received == text);
  EXPECT_EQ(state, IoState::kOk);
  EXPECT_EQ(link.pool.in_use(), 0U);
}

TEST_P(TlsWriting, ABlockedWriterThatWantsNothingIsNotCalled) {
  Link& link = ConnectNarrow();
  link.server->Watch(&link.recorder, 2);
  ASSERT_EQ(link.server->Write(Bytes(RandomText(100'000))).state, IoState::kBlocked);
  link.server->Want({.read = true});
  link.PeerReads();
  link.loop->RunOnce(base::Duration(0));
  EXPECT_TRUE(link.recorder.heard.empty());
}

TEST_P(TlsWriting, AFlightThatBlocksMovesOnWithoutBeingWanted) {
  std::vector<std::string> names;
  for (int i = 0; i < 2000; ++i) names.push_back("a-rather-long-name-" + std::to_string(i) + ".example");
  auto sockets = UnixPair();
  ShrinkBuffers(sockets.first.fd());
  ShrinkBuffers(sockets.second.fd());
  Link link(ContextOf({.certificates = {Common().directory.Ecdsa(names)}}), {.max_version = GetParam()},
            std::move(sockets));
  link.server->Watch(&link.recorder, 2);
  link.recorder.then = [&](event::Ready) {
    ASSERT_NE(link.server->Handshake(), HandshakeResult::kFailed);
    link.server->Want({.read = true});
  };
  link.server->Want({.read = true});
  bool held = false;
  for (int i = 0; i < 1000 && !link.server->established(); ++i) {
    link.peer.Fill();
    link.peer.Handshake();
    link.peer.Flush();
    link.loop->RunOnce(base::Duration(0));
    held = held || link.pool.in_use() > 0;
  }
  EXPECT_TRUE(link.server->established());
  EXPECT_TRUE(held);
  EXPECT_EQ(link.pool.in_use(), 0U);
}

TEST_P(TlsWriting, ReadingGoesOnWhileWritingIsBlocked) {
  Link& link = ConnectNarrow();
  ASSERT_EQ(link.server->Write(Bytes(RandomText(100'000))).state, IoState::kBlocked);
  link.peer.Write("ping");
  link.peer.Flush();
  EXPECT_EQ(link.ReadAll(), "ping");
}

TEST_P(TlsWriting, ShutdownWriteSendsCloseNotifyThenFin) {
  Link& link = Connect();
  link.server->Write(Bytes("bye"));
  link.server->ShutdownWrite();
  link.server->ShutdownWrite();
  EXPECT_EQ(link.PeerReads(), "bye");
  EXPECT_TRUE(link.peer.close_notified());
  EXPECT_TRUE(link.peer.fin());
  EXPECT_EQ(link.server->Write(Bytes("x")).state, IoState::kError);
  EXPECT_EQ(link.server->Write({}).state, IoState::kOk);
  link.peer.Write("answer");
  link.peer.Flush();
  EXPECT_EQ(link.ReadAll(), "answer");
}

TEST_P(TlsWriting, TheLastBytesCloseNotifyAndFinAreOnePacket) {
  Link& link = Connect(TcpPair());
  const uint32_t before = fakes::SegmentsSent(link.server->fd());
  EXPECT_EQ(link.server->WriteLast(Bytes("bye")).state, IoState::kOk);
  // At once: an acknowledgement of the handshake's end may follow on a timer.
  EXPECT_EQ(fakes::SegmentsSent(link.server->fd()) - before, 1U);
  std::string received;
  while (!link.peer.fin() && link.peer.error() == 0) received += link.PeerReads();
  EXPECT_EQ(received, "bye");
  EXPECT_TRUE(link.peer.close_notified());
}

TEST_P(TlsWriting, LastBytesBehindATailWaitForIt) {
  Link& link = ConnectNarrow();
  const std::string text = RandomText(100'000);
  ASSERT_EQ(link.server->Write(Bytes(text)).bytes, text.size());
  const auto put = link.server->WriteLast(Bytes("bye"));
  EXPECT_EQ(put.state, IoState::kBlocked);
  EXPECT_EQ(put.bytes, 0U);
  std::string received;
  for (int i = 0; i < 1000 && link.server->Write({}).state == IoState::kBlocked; ++i)
    received += link.PeerReads();
  EXPECT_EQ(link.server->WriteLast(Bytes("bye")).state, IoState::kOk);
  while (!link.peer.fin() && link.peer.error() == 0) received += link.PeerReads();
  EXPECT_TRUE(received == text + "bye");
  EXPECT_TRUE(link.peer.close_notified());
}

TEST_P(TlsWriting, TheEndWaitsForTheTailAndNeedsOnlyTheLoop) {
  Link& link = ConnectNarrow();
  link.server->Watch(&link.recorder, 2);
  link.recorder.then = [&](event::Ready) { link.server->Want({.read = true}); };
  const std::string text = RandomText(100'000);
  ASSERT_EQ(link.server->Write(Bytes(text)).bytes, text.size());
  link.server->Want({.read = true});
  link.server->ShutdownWrite();
  std::string received;
  for (int i = 0; i < 1000 && !link.peer.fin(); ++i) {
    link.peer.Fill();
    received += link.peer.Read();
    link.loop->RunOnce(base::Duration(0));
  }
  EXPECT_TRUE(received == text);
  EXPECT_TRUE(link.peer.close_notified());
  EXPECT_TRUE(link.peer.fin());
  const size_t calls = link.recorder.heard.size();
  link.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(link.recorder.heard.size(), calls) << "no longer waits for room";
}

TEST_P(TlsWriting, AnOrderlyCloseSendsCloseNotify) {
  Link& link = Connect(TcpPair());
  link.server->Close(CloseReason::kOrderly);
  link.server->Close(CloseReason::kAbort);
  while (!link.peer.fin() && link.peer.error() == 0) link.peer.Fill();
  link.peer.Read();
  EXPECT_TRUE(link.peer.close_notified());
  EXPECT_EQ(link.peer.error(), 0);
  std::byte into[10];
  EXPECT_EQ(link.server->Read(into).state, IoState::kError);
  EXPECT_EQ(link.server->Write(Bytes("x")).state, IoState::kError);
}

TEST_P(TlsWriting, AnOrderlyCloseOverATailShowsAsCutShort) {
  Link& link = ConnectNarrow();
  ASSERT_EQ(link.server->Write(Bytes(RandomText(100'000))).state, IoState::kBlocked);
  link.server.reset();
  EXPECT_EQ(link.pool.in_use(), 0U);
  link.PeerReads();
  EXPECT_TRUE(link.peer.fin());
  EXPECT_FALSE(link.peer.close_notified());
}

TEST_P(TlsWriting, AnAbortIsAReset) {
  Link& link = Connect(TcpPair());
  link.server->Close(CloseReason::kAbort);
  while (!link.peer.fin() && link.peer.error() == 0) link.peer.Fill();
  EXPECT_EQ(link.peer.error(), ECONNRESET);
}

TEST_P(TlsWriting, AResetIsAnErrorWithItsNumber) {
  Link& link = Connect(TcpPair());
  link.peer.Reset();
  std::byte into[10];
  while ((link.last = link.server->Read(into)).state == IoState::kBlocked) {
  }
  EXPECT_EQ(link.last.state, IoState::kError);
  EXPECT_EQ(link.server->error(), ECONNRESET);
  EXPECT_EQ(link.server->HandshakeError(), "Connection reset by peer");
}

TEST_P(TlsWriting, AClosedStreamReportsNothing) {
  Link& link = Connect();
  link.server->Watch(&link.recorder, 1);
  link.peer.Write(RandomText(10'000));
  link.peer.Flush();
  std::byte into[10];
  link.server->Read(into);
  link.server->Want({.read = true});
  link.server->Close(CloseReason::kOrderly);
  link.loop->RunOnce(base::Duration(0));
  EXPECT_TRUE(link.recorder.heard.empty());
}

TEST(TlsStreamTls13, AKeyUpdateIsAnsweredAndTrafficGoesOn) {
  Link link(Common().context);
  ASSERT_EQ(link.Shake(), HandshakeResult::kDone);
  for (int i = 0; i < 100; ++i) {  // more than may come in a row
    ASSERT_TRUE(link.peer.KeyUpdate());
    ASSERT_TRUE(link.peer.Write("question"));
    link.peer.Flush();
    ASSERT_EQ(link.ReadAll(), "question");
    ASSERT_EQ(link.server->Write(Bytes("answer")).state, IoState::kOk);
    ASSERT_EQ(link.PeerReads(), "answer");
  }
}

TEST(TlsStreamTls13, AFloodOfKeyUpdatesEndsTheConnection) {
  Link link(Common().context);
  ASSERT_EQ(link.Shake(), HandshakeResult::kDone);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(link.peer.KeyUpdate());
  link.peer.Flush();
  link.ReadAll();
  EXPECT_EQ(link.last.state, IoState::kError);
  EXPECT_THAT(link.server->HandshakeError(), HasSubstr("too many"));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(TlsStreamTls12, RenegotiationIsRefusedOnceAndForAll) {
  Link link(Common().context, {.max_version = TLS1_2_VERSION});
  ASSERT_EQ(link.Shake(), HandshakeResult::kDone);
  ASSERT_TRUE(link.peer.Renegotiate());
  link.peer.Flush();
  link.ReadAll();
  EXPECT_EQ(link.last.state, IoState::kError);
  EXPECT_EQ(ERR_peek_error(), 0U);
}

// Both ends are ours, over a connection that is still being made.
class TlsClient : public testing::Test {
 protected:
  HandshakeResult Shake(const ClientOptions& options, const std::string& name) {
    auto listener = net::Listen(net::SocketAddress::Parse("127.0.0.1:0").value(), {});
    context_ = ClientContext::Create(options).value();
    client_ = std::make_unique<TlsStream>(*loop_, pool_, *context_,
                                          net::Connect(net::LocalAddress(*listener).value()).value(), name);
    client_->Handshake();
    net::Socket accepted;
    while (!accepted.open()) accepted.Reset(accept4(listener->fd(), nullptr, nullptr, SOCK_NONBLOCK));
    server_ = std::make_unique<TlsStream>(*loop_, pool_, *server_context_, std::move(accepted));
    client_->Watch(&recorder_, 1);
    server_->Watch(&recorder_, 2);
    HandshakeResult ours = HandshakeResult::kWantRead;
    HandshakeResult theirs = HandshakeResult::kWantRead;
    while (ours == HandshakeResult::kWantRead ||
           (ours == HandshakeResult::kDone && theirs == HandshakeResult::kWantRead)) {
      ours = client_->Handshake();
      theirs = server_->Handshake();
    }
    return ours;
  }

  std::unique_ptr<event::Loop> loop_ = event::Loop::Create().value();
  net::BufferPool pool_;
  Recorder recorder_;
  std::shared_ptr<const ServerContext> server_context_ = Common().context;
  std::shared_ptr<const ClientContext> context_;
  std::unique_ptr<TlsStream> client_;
  std::unique_ptr<TlsStream> server_;
};

TEST_F(TlsClient, AgreesWithAServerThatItTrusts) {
  ASSERT_EQ(Shake({.ca_file = Common().files.chain, .alpn = {"http/1.1"}}, "localhost"),
            HandshakeResult::kDone);
  EXPECT_EQ(client_->alpn(), "http/1.1");
  ASSERT_EQ(client_->Write(Bytes("hello")).state, IoState::kOk);
  std::byte into[64];
  net::IoResult got;
  while ((got = server_->Read(into)).bytes == 0) ASSERT_EQ(got.state, IoState::kBlocked);
  EXPECT_EQ(got.bytes, 5U);
}

TEST_F(TlsClient, VerifiesAddressesWithoutSendingThemAsNames) {
  const ClientOptions options{.ca_file = Common().files.chain};
  EXPECT_EQ(Shake(options, "127.0.0.1"), HandshakeResult::kDone);
  server_context_ = ContextOf({.certificates = {Common().files}, .strict_sni = true});
  EXPECT_EQ(Shake(options, "localhost"), HandshakeResult::kDone);
  EXPECT_EQ(Shake(options, "127.0.0.1"), HandshakeResult::kFailed) << "a name was sent";
}

TEST_F(TlsClient, RefusesAnotherNameAndAnUnknownAuthority) {
  EXPECT_EQ(Shake({.ca_file = Common().files.chain}, "other.example"), HandshakeResult::kFailed);
  EXPECT_THAT(client_->HandshakeError(), HasSubstr("certificate verify failed"));
  EXPECT_EQ(Shake({}, "localhost"), HandshakeResult::kFailed);
  EXPECT_EQ(Shake({.verify = false}, "other.example"), HandshakeResult::kDone);
  EXPECT_FALSE(ClientContext::Create({.ca_file = "/nonexistent"}).ok());
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace hawser::tls
