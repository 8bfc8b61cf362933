#include "proxy/tls/tls_stream.h"

#include <malloc.h>

#include "tests/unit/tls/fixture.h"

namespace hawser::tls {
namespace {

using net::CloseReason;
using net::IoState;
using testing::HasSubstr;
using testing::Not;

// One certificate for all: making it is the slow part.
const std::shared_ptr<const ServerContext>& SharedContext() {
  static const Directory directory;
  static const auto context = ContextOf({.certificates = {directory.Ecdsa({"localhost"})}});
  return context;
}

class TlsStreamTest : public testing::TestWithParam<int> {
 protected:
  TlsStreamTest() : link_(SharedContext(), {.max_version = GetParam()}) {}
  ~TlsStreamTest() override { EXPECT_EQ(ERR_peek_error(), 0U) << "left in OpenSSL's queue: " << TakeError(); }

  void Shake() { ASSERT_EQ(link_.Shake(), HandshakeResult::kDone) << link_.server->HandshakeError(); }
  void PeerSends(std::string_view text) {
    ASSERT_TRUE(link_.peer.Write(text));
    link_.peer.Flush();
  }

  Link link_;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsStreamTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& one) { return one.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(TlsStreamTest, BytesCrossInBothDirections) {
  Shake();
  PeerSends("hello");
  EXPECT_EQ(link_.ReadAll(), "hello");
  EXPECT_EQ(link_.last.state, IoState::kBlocked);
  const auto sent = link_.server->Write(Bytes("world"));
  EXPECT_EQ(sent.bytes, 5U);
  EXPECT_EQ(sent.state, IoState::kOk);
  EXPECT_EQ(link_.PeerReads(), "world");
  EXPECT_EQ(link_.pool.in_use(), 0U);
}

TEST_P(TlsStreamTest, BeginsWithItsFirstStepAndAnswersAWholeHello) {
  link_.peer.Handshake();
  const std::string hello = link_.peer.TakeWire();
  link_.peer.SendRaw(hello.substr(0, 20));
  link_.server->Watch(&link_.recorder, 3);
  link_.server->Want({.read = true});
  link_.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(link_.recorder.heard.size(), 1U);
  EXPECT_FALSE(link_.server->started());
  EXPECT_EQ(link_.server->Handshake(), HandshakeResult::kWantRead);
  EXPECT_TRUE(link_.server->started());
  EXPECT_FALSE(link_.server->answered());
  link_.peer.SendRaw(hello.substr(20));
  EXPECT_EQ(link_.server->Handshake(), HandshakeResult::kWantRead);
  EXPECT_TRUE(link_.server->answered());
}

TEST_P(TlsStreamTest, HoldsNoObjectOfOpenSslBeforeItsFirstStep) {
  constexpr size_t kStreams = 64;
  std::vector<std::unique_ptr<TlsStream>> streams;
  const size_t before = mallinfo2().uordblks;
  for (size_t i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<TlsStream>(*link_.loop, link_.pool, *link_.context, UnixPair().first));
    streams.back()->Watch(&link_.recorder, 3);
    streams.back()->Want({.read = true});
  }
  EXPECT_LT(mallinfo2().uordblks - before, kStreams * 1024);
}

TEST_P(TlsStreamTest, MayEndBeforeItsFirstStep) {
  link_.server->Watch(&link_.recorder, 3);
  link_.server->ShutdownWrite();
  EXPECT_EQ(link_.server->HandshakeError(), "");
  EXPECT_EQ(link_.server->alpn(), "");
  EXPECT_FALSE(link_.server->session_reused());
  link_.server->Close(CloseReason::kOrderly);
  EXPECT_EQ(link_.server->Handshake(), HandshakeResult::kFailed);
  EXPECT_FALSE(link_.server->started());
  link_.peer.Fill();
  EXPECT_TRUE(link_.peer.fin());
}

// A reload replaces a listener's context while its streams go on.
TEST_P(TlsStreamTest, OutlivesItsContextOnceTheHandshakeIsOver) {
  const Directory directory;
  Link link(ContextOf({.certificates = {directory.Ecdsa({"localhost"})}}), {.max_version = GetParam()});
  ASSERT_EQ(link.Shake(), HandshakeResult::kDone);
  const std::weak_ptr<const ServerContext> context = std::exchange(link.context, nullptr);
  ASSERT_TRUE(context.expired());
  if (GetParam() == TLS1_3_VERSION) {
    ASSERT_TRUE(link.peer.KeyUpdate());
  }
  ASSERT_TRUE(link.peer.Write("question"));
  link.peer.Flush();
  EXPECT_EQ(link.ReadAll(), "question");
  EXPECT_EQ(link.server->Write(Bytes("answer")).state, IoState::kOk);
  EXPECT_EQ(link.PeerReads(), "answer");
  if (GetParam() == TLS1_2_VERSION) {
    ASSERT_TRUE(link.peer.Renegotiate());
    link.peer.Flush();
    link.ReadAll();
    EXPECT_EQ(link.last.state, IoState::kError);
  }
  link.server->Close(CloseReason::kOrderly);
}

TEST_P(TlsStreamTest, ReadAndWritePerformTheHandshake) {
  std::byte into[64];
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(link_.server->Write(Bytes("early")).state,
              link_.server->established() ? IoState::kOk : IoState::kBlocked);
    if (link_.server->established()) break;
    link_.peer.Fill();
    link_.peer.Handshake();
    link_.peer.Flush();
    EXPECT_EQ(link_.server->Read(into).state, IoState::kBlocked);
  }
  EXPECT_TRUE(link_.server->established());
  EXPECT_THAT(link_.PeerReads(), HasSubstr("early"));
}

TEST_P(TlsStreamTest, TheHandshakeSurvivesOneByteAtATime) {
  std::string text;
  HandshakeResult result = HandshakeResult::kWantRead;
  bool written = false;
  while (text.empty()) {
    if (link_.peer.Handshake() && !written) written = link_.peer.Write("tail");
    for (const char c : link_.peer.TakeWire()) {
      link_.peer.SendRaw({&c, 1});
      if (result != HandshakeResult::kDone) {
        result = link_.server->Handshake();
        ASSERT_NE(result, HandshakeResult::kFailed) << link_.server->HandshakeError();
      } else {
        text += link_.ReadAll();
      }
    }
    link_.peer.Fill();
  }
  EXPECT_EQ(text, "tail");
  EXPECT_EQ(link_.pool.in_use(), 0U);
}

TEST_P(TlsStreamTest, BytesBehindTheHandshakeInOneSegmentAreNotLost) {
  std::string wire;
  bool written = false;
  for (int i = 0; i < 4 && !written; ++i) {
    if (link_.peer.Handshake()) written = link_.peer.Write(RandomText(40'000));
    // In TLS 1.2 the last word is the server's: there, this is an ordinary first message.
    wire = link_.peer.TakeWire();
    if (!written || GetParam() == TLS1_2_VERSION) link_.peer.SendRaw(std::exchange(wire, ""));
    if (!written) link_.server->Handshake();
    link_.peer.Fill();
  }
  ASSERT_TRUE(written);
  if (!wire.empty()) link_.peer.SendRaw(wire);
  link_.server->Watch(&link_.recorder, 3);
  EXPECT_EQ(link_.server->Handshake(), HandshakeResult::kDone);
  link_.server->Want({.read = true});
  link_.loop->RunOnce(base::Duration(0));
  ASSERT_FALSE(link_.recorder.heard.empty());
  EXPECT_TRUE(link_.recorder.heard[0].readable);
  EXPECT_EQ(link_.recorder.heard[0].tag, 3);
  EXPECT_EQ(link_.ReadAll(), RandomText(40'000));
  EXPECT_EQ(link_.pool.in_use(), 0U);
}

TEST_P(TlsStreamTest, AMebibyteIsEchoedThroughSpansOfAnySize) {
  Shake();
  const std::string sent = RandomText(1 << 20);
  std::mt19937 random(7);
  std::string echoed;
  size_t offset = 0;
  while (echoed.size() < sent.size()) {
    const size_t size = std::min<size_t>(1 + random() % 50'000, sent.size() - offset);
    if (size > 0) PeerSends(std::string_view(sent).substr(offset, size));
    offset += size;
    const size_t span = size_t{1} << (random() % 19);
    std::string_view rest;
    const std::string got = link_.ReadAll(span);
    for (rest = got; !rest.empty();) {
      const auto written = link_.server->Write(Bytes(rest.substr(0, 1 + random() % 100'000)));
      ASSERT_NE(written.state, IoState::kError);
      rest.remove_prefix(written.bytes);
      echoed += link_.PeerReads();
    }
    link_.server->Write({});
    link_.peer.Flush();
    echoed += link_.PeerReads();
  }
  EXPECT_TRUE(echoed == sent);
  EXPECT_EQ(link_.pool.in_use(), 0U);
}

TEST_P(TlsStreamTest, OneReadTakesManyRecords) {
  Shake();
  std::string all;
  for (int i = 0; i < 500; ++i) {
    link_.peer.Write(std::to_string(i));
    all += std::to_string(i);
  }
  link_.peer.Flush();
  std::vector<std::byte> into(1 << 18);
  const auto got = link_.server->Read(into);
  EXPECT_EQ(got.bytes, all.size());
  EXPECT_EQ(got.state, IoState::kBlocked);
  EXPECT_EQ(link_.pool.in_use(), 0U);
}

TEST_P(TlsStreamTest, TheRestBehindASmallSpanIsReportedUntilItIsRead) {
  Shake();
  std::string heard;
  link_.server->Watch(&link_.recorder, 1);
  link_.recorder.then = [&](event::Ready) {
    std::byte into[1000];
    const auto got = link_.server->Read(into);
    heard.append(reinterpret_cast<const char*>(into), got.bytes);
    link_.server->Want({.read = true});
  };
  link_.server->Want({.read = true});
  const std::string sent = RandomText(30'000);
  PeerSends(sent);
  for (int i = 0; i < 40; ++i) link_.loop->RunOnce(base::Duration(0));
  EXPECT_TRUE(heard == sent);
  EXPECT_EQ(link_.pool.in_use(), 0U);
  const size_t calls = link_.recorder.heard.size();
  link_.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(link_.recorder.heard.size(), calls) << "nothing is left to be told of";
}

TEST_P(TlsStreamTest, OnlyAReaderThatWantsBytesIsCalled) {
  Shake();
  link_.server->Watch(&link_.recorder, 1);
  PeerSends(RandomText(10'000));
  std::byte into[10];
  EXPECT_EQ(link_.server->Read(into).state, IoState::kOk);
  link_.server->Want({.read = true});
  link_.server->Want({});
  link_.loop->RunOnce(base::Duration(0));
  EXPECT_TRUE(link_.recorder.heard.empty());
  link_.server->Want({.read = true});
  link_.server->Want({});
  link_.server->Want({.read = true});
  link_.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(link_.recorder.heard.size(), 1U);
}

TEST_P(TlsStreamTest, CloseNotifyIsAnEnd) {
  Shake();
  link_.peer.Write("last");
  link_.peer.CloseNotify();
  link_.peer.Flush();
  link_.peer.Finish();
  EXPECT_EQ(link_.ReadAll(), "last");
  EXPECT_EQ(link_.last.state, IoState::kEnd);
  EXPECT_EQ(link_.server->HandshakeError(), "");
  // Reading is over, writing is not.
  EXPECT_EQ(link_.server->Write(Bytes("still here")).state, IoState::kOk);
  EXPECT_EQ(link_.PeerReads(), "still here");
}

TEST_P(TlsStreamTest, AnEndWithoutCloseNotifyIsAnError) {
  Shake();
  PeerSends("cut");
  link_.peer.Finish();
  EXPECT_EQ(link_.ReadAll(), "cut");
  if (link_.last.state == IoState::kBlocked) link_.ReadAll();
  EXPECT_EQ(link_.last.state, IoState::kError);
  EXPECT_EQ(link_.server->error(), 0);
  EXPECT_THAT(link_.server->HandshakeError(), HasSubstr("without close_notify"));
}

TEST_P(TlsStreamTest, ADamagedRecordIsAnErrorBehindWhatCameIntact) {
  Shake();
  link_.peer.Write("intact");
  link_.peer.Write("damaged");
  std::string wire = link_.peer.TakeWire();
  wire.back() = static_cast<char>(wire.back() ^ 1);
  link_.peer.SendRaw(wire);
  link_.server->Watch(&link_.recorder, 1);
  std::vector<std::byte> into(1 << 18);
  const auto got = link_.server->Read(into);
  EXPECT_EQ(got.bytes, 6U);
  EXPECT_EQ(got.state, IoState::kOk) << "there is more: the error";
  link_.server->Want({.read = true});
  link_.loop->RunOnce(base::Duration(0));
  EXPECT_EQ(link_.recorder.heard.size(), 1U);
  EXPECT_EQ(link_.server->Read(into).state, IoState::kError);
  EXPECT_NE(link_.server->HandshakeError(), "");
  EXPECT_THAT(link_.server->HandshakeError(), Not(HasSubstr("close_notify")));
  EXPECT_EQ(link_.server->Write(Bytes("x")).state, IoState::kError);
  link_.PeerReads();
  EXPECT_EQ(link_.peer.alert(), SSL_AD_BAD_RECORD_MAC);
}

TEST_P(TlsStreamTest, GarbageFailsTheHandshake) {
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), RandomText(100'000, 3), std::string(70'000, '\0'),
        std::string("\x16\x03\x01\xff\xff") + RandomText(9)}) {
    Link link(SharedContext());
    link.peer.SendRaw(garbage);
    for (int i = 0; i < 20 && link.server->Handshake() == HandshakeResult::kWantRead; ++i) {
    }
    EXPECT_EQ(link.server->Handshake(), HandshakeResult::kFailed);
    EXPECT_NE(link.server->HandshakeError(), "");
    std::byte into[10];
    EXPECT_EQ(link.server->Read(into).state, IoState::kError);
    EXPECT_EQ(link.server->Write(Bytes("x")).state, IoState::kError);
    EXPECT_EQ(ERR_peek_error(), 0U);
    EXPECT_EQ(link.pool.in_use(), 0U);
  }
}

// The client ends after its n-th byte, for every n.
TEST_P(TlsStreamTest, AClientMayLeaveAtAnyByte) {
  bool whole = false;
  for (size_t cut = 0; !whole; cut += 3) {
    Link link(SharedContext(), {.max_version = GetParam()});
    size_t said = 0;
    std::string heard;
    for (int i = 0; i < 4; ++i) {
      if (link.peer.Handshake() && said < cut && !whole) whole = link.peer.Write("done");
      const std::string wire = link.peer.TakeWire().substr(0, cut - std::min(cut, said));
      if (!wire.empty()) link.peer.SendRaw(wire);
      said += wire.size();
      if (link.server->Handshake() == HandshakeResult::kDone) heard += link.ReadAll();
      link.peer.Fill();
    }
    whole = whole && heard == "done";
    link.peer.Finish();
    link.ReadAll();
    EXPECT_EQ(link.last.state, IoState::kError);
    EXPECT_THAT(link.server->HandshakeError(), HasSubstr("without close_notify"));
    EXPECT_EQ(link.pool.in_use(), 0U);
    ASSERT_LT(cut, 5000U);
  }
}

}  // namespace
}  // namespace hawser::tls
