#include "proxy/ws/deflate_stream.h"

#include <cerrno>

#include "gmock/gmock.h"
#include "tests/fakes/fake_stream.h"
#include "tests/unit/ws/deflate_frames.h"

namespace hawser::ws {
namespace {

using net::IoResult;
using net::IoState;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A DeflateStream over a scripted client, and an owner that reads as the tunnel does: some at each event.
class DeflateStreamTest : public testing::Test, public event::IoHandler {
 protected:
  explicit DeflateStreamTest(size_t most = 1000) : pool_(most), loop_(std::move(*event::Loop::Create())) {}
  ~DeflateStreamTest() override {
    stream_.reset();
    EXPECT_EQ(buffers_.in_use(), 0U);
  }

  void Open(std::string_view early = "", DeflateStream::Options options = {}) {
    auto client = std::make_unique<fakes::FakeStream>();
    client_ = client.get();
    stream_ = std::make_unique<DeflateStream>(*loop_, buffers_, *pool_, std::move(client), options,
                                              std::as_bytes(std::span(early)));
    stream_->Watch(this, 3);
    stream_->Want({.read = true});
  }

  void OnReady(event::Ready ready) override {
    EXPECT_EQ(ready.tag, 3);
    if (ready.writable) Write("");
    if (ready.readable) Read();
  }

  // Until it blocks, ends or fails.
  void Read() {
    std::vector<std::byte> area(read_size_);
    do {
      last_ = stream_->Read(area);
      EXPECT_TRUE(last_.state != IoState::kOk || last_.bytes > 0) << "kOk brings bytes";
      EXPECT_TRUE(last_.bytes == 0 || last_.state == IoState::kOk || last_.state == IoState::kBlocked);
      read_.append(reinterpret_cast<const char*>(area.data()), last_.bytes);
      if (last_.state == IoState::kError) errors_.push_back(stream_->error());
    } while (last_.state == IoState::kOk);
    if (last_.state == IoState::kEnd || (last_.state == IoState::kError && errors_.back() == ECONNRESET)) {
      stream_->Want({});
    }
  }

  void Write(std::string_view bytes) {
    to_write_ += bytes;
    const IoResult put = stream_->Write(std::as_bytes(std::span(to_write_)));
    to_write_.erase(0, put.bytes);
    blocked_ = put.state == IoState::kBlocked;
    if (put.state == IoState::kError) errors_.push_back(stream_->error());
    if (put.state == IoState::kError) to_write_.clear();
    stream_->Want({.read = last_.state != IoState::kEnd, .write = blocked_});
  }

  // Also sends the bytes that Write has taken: with the script's room, until nothing moves any more.
  void Settle() {
    do {
      loop_->RunOnce(base::Duration(0));
      while (client_->Deliver()) {
      }
    } while (HasSoon());
  }

  // Whether the loop has a pending call: then it turns without waiting.
  bool HasSoon() {
    const size_t before = read_.size() + errors_.size();
    loop_->RunOnce(base::Duration(0));
    return read_.size() + errors_.size() != before;
  }

  std::vector<std::string> messages() const { return MessagesOf(FramesOf(read_, true)); }

  TestPool pool_;
  net::BufferPool buffers_;
  std::unique_ptr<event::Loop> loop_;
  std::unique_ptr<DeflateStream> stream_;
  fakes::FakeStream* client_ = nullptr;
  size_t read_size_ = 64 * 1024;
  std::string read_;
  std::string to_write_;
  bool blocked_ = false;
  IoResult last_;
  std::vector<int> errors_;
};

std::string SeveralMessages() {
  return CompressedMessage(Compress(SomeText(20'000)), 300) + ClientFrame({.opcode = 9, .payload = "ping"}) +
         ClientFrame({.payload = "plain"}) +
         CompressedMessage(Compress(std::string(300'000, 'x')), SIZE_MAX, 2);
}

auto SeveralTexts() {
  return ElementsAre("1:" + SomeText(20'000), "1:plain", "2:" + std::string(300'000, 'x'));
}

TEST_F(DeflateStreamTest, ReadsPlainFramesOfAClientThatCompresses) {
  Open();
  client_->Feed(SeveralMessages());
  client_->FeedEnd();
  Settle();
  EXPECT_THAT(messages(), SeveralTexts());
  EXPECT_EQ(last_.state, IoState::kEnd);
}

TEST_F(DeflateStreamTest, ReadsTheSameWhenTheClientsBytesComeOneByOne) {
  Open();
  client_->OneByteAtATime();
  client_->Feed(SeveralMessages());
  client_->FeedEnd();
  Settle();
  EXPECT_THAT(messages(), SeveralTexts());
  EXPECT_EQ(last_.state, IoState::kEnd);
}

TEST_F(DeflateStreamTest, ReadsTheSameIntoSpansOfAnySize) {
  for (const size_t size : {1, 2, 63, 64, 1000}) {
    read_size_ = size;
    read_.clear();
    Open();
    client_->Feed(SeveralMessages());
    Settle();
    EXPECT_THAT(messages(), SeveralTexts());
    EXPECT_EQ(last_.state, IoState::kBlocked);
    EXPECT_EQ(buffers_.in_use(), 0U) << "nothing is held once all is read";
  }
}

// A frame that passes as it came may have come in part.
std::string WholeFrames(const std::string& bytes) {
  auto left = std::as_bytes(std::span(bytes));
  while (true) {
    const ParsedHeader parsed = ParseHeader(left);
    const size_t whole = parsed.header.header_bytes + parsed.header.payload_bytes;
    if (parsed.state != ParsedHeader::State::kComplete || left.size() < whole) break;
    left = left.subspan(whole);
  }
  return bytes.substr(0, bytes.size() - left.size());
}

TEST_F(DeflateStreamTest, WhateverCallFailsEndsTheReadingThereWithTheClientsError) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    read_.clear();
    errors_.clear();
    Open();
    client_->LimitReads(900);
    client_->Feed(SeveralMessages());
    client_->FeedEnd();
    client_->FailCall(n);
    Settle();
    if (last_.state == IoState::kEnd) break;
    EXPECT_EQ(last_.state, IoState::kError);
    EXPECT_THAT(errors_, ElementsAre(ECONNRESET));
    const std::string all = "1:" + SomeText(20'000) + "1:plain2:" + std::string(300'000, 'x');
    std::string got;
    for (const std::string& message : MessagesOf(FramesOf(WholeFrames(read_), true))) got += message;
    if (got.ends_with("...")) got.resize(got.size() - 3);
    EXPECT_EQ(got, all.substr(0, got.size()));
  }
}

TEST_F(DeflateStreamTest, BytesThatCameAheadAreReadFirst) {
  const std::string in = CompressedMessage(Compress(SomeText(100'000, 5))) + SeveralMessages();
  Open(std::string_view(in).substr(0, 15'000));
  client_->Feed(std::string_view(in).substr(15'000));
  Settle();
  EXPECT_THAT(messages(), ElementsAre("1:" + SomeText(100'000, 5), "1:" + SomeText(20'000), "1:plain",
                                      "2:" + std::string(300'000, 'x')));
}

TEST_F(DeflateStreamTest, TheLoopReportsBytesThatWaitInside) {
  Open(CompressedMessage(Compress(std::string(1000, 'x'))));
  EXPECT_THAT(read_, IsEmpty());
  loop_->RunOnce(base::Duration(0));
  EXPECT_THAT(messages(), ElementsAre("1:" + std::string(1000, 'x')));
}

TEST_F(DeflateStreamTest, BytesInsideAreReportedOnlyToAReaderThatWantsThem) {
  Open(CompressedMessage(Compress("hello")));
  stream_->Want({});
  loop_->RunOnce(base::Duration(0));
  EXPECT_THAT(read_, IsEmpty());
  stream_->Want({.read = true});
  loop_->RunOnce(base::Duration(0));
  EXPECT_THAT(messages(), ElementsAre("1:hello"));
}

TEST_F(DeflateStreamTest, NothingIsReportedAfterClose) {
  Open(CompressedMessage(Compress("hello")));
  stream_->Close(net::CloseReason::kAbort);
  loop_->RunOnce(base::Duration(0));
  EXPECT_THAT(read_, IsEmpty());
  EXPECT_EQ(client_->close_reason(), net::CloseReason::kAbort);
  std::byte byte;
  EXPECT_EQ(stream_->Read({&byte, 1}).state, IoState::kError);
  EXPECT_EQ(stream_->Write({&byte, 1}).state, IoState::kError);
}

TEST_F(DeflateStreamTest, ABombIsInflatedOnlyAsFarAsItIsRead) {
  const std::string bomb = CompressedMessage(Compress(std::string(64 << 20, 'x')));
  Open();
  client_->Feed(bomb);
  std::vector<std::byte> area(64 * 1024);
  for (int i = 0; i < 8; ++i) {
    const IoResult got = stream_->Read(area);
    EXPECT_EQ(got.state, IoState::kOk);
    EXPECT_LE(got.bytes, area.size());
  }
  EXPECT_GT(client_->unread(), bomb.size() - 2 * net::Slab::kBytes);
  EXPECT_LE(buffers_.in_use(), 1U);
  EXPECT_LE(pool_->counters().plain_in.Get(), 8 * area.size());
}

TEST_F(DeflateStreamTest, AMessageThatIsNotDeflateIsReportedOnceAfterTheBytesBeforeIt) {
  Open();
  client_->Feed(CompressedMessage(Compress("fine")) + CompressedMessage("\xff\xff\xff\xff") + "whatever");
  Settle();
  EXPECT_THAT(messages(), ElementsAre("1:fine"));
  EXPECT_THAT(errors_, ElementsAre(EBADMSG));
  client_->Feed("more to drop");
  client_->FeedError(ECONNRESET);
  read_.clear();
  stream_->Want({.read = true});
  Settle();
  EXPECT_EQ(read_, "more to drop");
  EXPECT_THAT(errors_, ElementsAre(EBADMSG, ECONNRESET));
  Write(BackendFrame({.opcode = 8, .payload = "\x03\xef"}));
  EXPECT_EQ(client_->written(), BackendFrame({.opcode = 8, .payload = "\x03\xef"}))
      << "its connection still stands";
}

class DeflateStreamWithoutContexts : public DeflateStreamTest {
 protected:
  DeflateStreamWithoutContexts() : DeflateStreamTest(0) {}
};

TEST_F(DeflateStreamWithoutContexts, ACompressedMessageIsReportedAsEnobufsAndWritingGoesOnUncompressed) {
  Open();
  client_->Feed(CompressedMessage(Compress("hello")));
  Settle();
  EXPECT_THAT(errors_, ElementsAre(ENOBUFS));
  Write(BackendFrame({.payload = SomeText(1000)}));
  EXPECT_EQ(client_->written(), BackendFrame({.payload = SomeText(1000)}));
}

// --- Writing ---

std::string SeveralFrames() {
  return BackendFrame({.payload = SomeText(100'000)}) + BackendFrame({.opcode = 9, .payload = "ping"}) +
         BackendFrame({.payload = "short"}) + BackendFrame({.opcode = 2, .payload = Noise(50'000)}) +
         BackendFrame({.payload = SomeText(30'000), .fin = false}) +
         BackendFrame({.opcode = 0, .payload = SomeText(40'000, 9)});
}

auto SeveralWritten() {
  return ElementsAre("1:" + SomeText(100'000), "1:short", "2:" + Noise(50'000),
                     "1:" + SomeText(30'000) + SomeText(40'000, 9));
}

TEST_F(DeflateStreamTest, WritesCompressedFramesForPlainOnes) {
  Open();
  Write(SeveralFrames());
  EXPECT_FALSE(blocked_);
  EXPECT_THAT(MessagesOf(FramesOf(client_->written(), false)), SeveralWritten());
  EXPECT_LT(client_->written().size(), SeveralFrames().size() / 2);
}

TEST_F(DeflateStreamTest, WritesTheSameToAClientThatTakesOneByteAtATime) {
  Open();
  client_->OneByteAtATime();
  Write(SeveralFrames());
  EXPECT_TRUE(blocked_);
  Settle();
  EXPECT_EQ(to_write_, "");
  EXPECT_FALSE(blocked_);
  EXPECT_THAT(MessagesOf(FramesOf(client_->written(), false)), SeveralWritten());
}

TEST_F(DeflateStreamTest, WritesTheSameInPiecesOfAnySize) {
  for (const size_t size : {1, 7, 5000}) {
    Open();
    const std::string in = SeveralFrames();
    for (size_t at = 0; at < in.size(); at += size) Write(std::string_view(in).substr(at, size));
    EXPECT_THAT(MessagesOf(FramesOf(client_->written(), false)), SeveralWritten());
  }
}

TEST_F(DeflateStreamTest, WhileTheClientTakesNothingAtMostOneSlabIsHeldAndNoMoreIsTaken) {
  Open();
  client_->SetRoom(100);
  const std::string noise = BackendFrame({.opcode = 2, .payload = Noise(1'000'000)});
  Write(noise);
  EXPECT_TRUE(blocked_);
  EXPECT_LE(buffers_.in_use(), 1U);
  const size_t left = to_write_.size();
  EXPECT_GT(left, noise.size() - 100'000);
  Write("");
  EXPECT_EQ(to_write_.size(), left);
  client_->AddRoom(10'000'000);
  Settle();
  EXPECT_THAT(MessagesOf(FramesOf(client_->written(), false)), ElementsAre("2:" + Noise(1'000'000)));
  EXPECT_EQ(buffers_.in_use(), 0U);
}

TEST_F(DeflateStreamTest, WhateverCallFailsEndsTheWriting) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    errors_.clear();
    Open();
    client_->LimitWrites(3000);
    client_->FailCall(n);
    Write(SeveralFrames());
    while (errors_.empty() && client_->Deliver()) {
    }
    if (errors_.empty()) break;
    EXPECT_EQ(errors_.front(), ECONNRESET);
    const size_t before = errors_.size();
    Write("more");
    EXPECT_EQ(errors_.size(), before + 1) << "broken for good";
  }
}

TEST_F(DeflateStreamTest, TheEndFollowsAllThatWasTaken) {
  Open();
  client_->SetRoom(100);
  const std::string frame = BackendFrame({.payload = SomeText(20'000)});
  Write(frame);
  EXPECT_EQ(to_write_, "");
  EXPECT_TRUE(blocked_);
  stream_->ShutdownWrite();
  EXPECT_FALSE(client_->write_shut());
  stream_->Want({});
  EXPECT_TRUE(client_->interest().write) << "it waits for room by itself";
  client_->AddRoom(100'000);
  Settle();
  EXPECT_TRUE(client_->write_shut());
  EXPECT_FALSE(client_->interest().write);
  EXPECT_THAT(MessagesOf(FramesOf(client_->written(), false)), ElementsAre("1:" + SomeText(20'000)));
  Write("late");
  EXPECT_THAT(errors_, ElementsAre(EPIPE));
}

TEST_F(DeflateStreamTest, AnOrderlyCloseSendsWhatIsHeldAsFarAsItIsTaken) {
  Open();
  client_->SetRoom(100);
  Write(BackendFrame({.payload = SomeText(20'000)}));
  client_->AddRoom(1 << 20);
  stream_->Close(net::CloseReason::kOrderly);
  EXPECT_THAT(MessagesOf(FramesOf(client_->written(), false)), ElementsAre("1:" + SomeText(20'000)));
  EXPECT_EQ(client_->close_reason(), net::CloseReason::kOrderly);
  EXPECT_EQ(buffers_.in_use(), 0U);
}

TEST_F(DeflateStreamTest, CloseGivesBackTheContextsOfMessagesUnderWay) {
  Open();
  client_->Feed(ClientFrame({.payload = Compress("hello").substr(0, 4), .fin = false, .rsv = 4}));
  Settle();
  Write(BackendFrame({.payload = SomeText(1000), .fin = false}));
  EXPECT_EQ(pool_.inflaters(), 1U);
  EXPECT_EQ(pool_.deflaters(), 1U);
  stream_->Close(net::CloseReason::kOrderly);
  EXPECT_EQ(pool_.inflaters(), 0U);
  EXPECT_EQ(pool_.deflaters(), 0U);
}

TEST_F(DeflateStreamTest, AnIdleStreamIsSmallAndHoldsNothing) {
  EXPECT_LE(sizeof(DeflateStream), 400U);
  Open();
  client_->Feed(SeveralMessages());
  Settle();
  Write(SeveralFrames());
  EXPECT_EQ(buffers_.in_use(), 0U);
  EXPECT_EQ(pool_.inflaters() + pool_.deflaters(), 0U);
}

}  // namespace
}  // namespace hawser::ws
