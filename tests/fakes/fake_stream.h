// A ByteStream that follows a script: what its peer sends and when, how much it takes, and when it breaks.
// Deliver takes the place of the loop: the stream calls no handler by itself. It records everything that its
// user did.
//
//   FakeStream stream;
//   stream.Feed("hello");                 // one Read takes at most this
//   stream.FeedBlocked();                 // then there is nothing for a while
//   stream.FeedEnd();
//   while (stream.Deliver()) {
//   }
//   EXPECT_EQ(stream.written(), "...");
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/net/byte_stream.h"

namespace hawser::fakes {

class FakeStream final : public net::ByteStream {
 public:
  // --- The script ---
  void Feed(std::string_view bytes);
  void FeedBlocked();
  void FeedEnd();
  void FeedError(int error);

  // Every Read and Write moves at most `bytes`, as from a peer or into a socket buffer of that size.
  void LimitReads(size_t bytes) { read_limit_ = bytes; }
  void LimitWrites(size_t bytes) { write_limit_ = bytes; }
  void OneByteAtATime() { read_limit_ = write_limit_ = 1; }

  // Writes block once `bytes` more have been taken; AddRoom lets more through.
  void SetRoom(size_t bytes) { room_ = bytes; }
  void AddRoom(size_t bytes) { room_ += bytes; }

  // The n-th Read or Write from now on, counted from 1, and all behind it return kError with ECONNRESET.
  void FailCall(int n) { fail_at_ = calls_ + n; }

  // Every Write from now on returns kError, as behind a reset: what the peer sent before can still be read.
  void BreakWrites() { writes_broken_ = true; }

  // --- The loop ---

  // Makes one OnReady call with the events that are wanted and have happened; false if there are none.
  bool Deliver();

  // --- What happened ---
  const std::string& written() const { return written_; }
  std::string TakeWritten();
  bool write_shut() const { return write_shut_; }
  const std::string& last_words() const { return last_words_; }  // the bytes given to WriteLast
  bool closed() const { return close_reason_.has_value(); }
  std::optional<net::CloseReason> close_reason() const { return close_reason_; }
  event::Interest interest() const { return interest_; }
  event::IoHandler* handler() const { return handler_; }
  uint8_t tag() const { return tag_; }
  int calls() const { return calls_; }  // Reads and Writes so far
  size_t unread() const;                // bytes of the script that nobody has read

  // --- ByteStream ---
  void Watch(event::IoHandler* handler, uint8_t tag) override;
  void Want(event::Interest interest) override;
  net::IoResult Read(std::span<std::byte> into) override;
  net::IoResult Write(std::span<const std::byte> bytes) override;
  void ShutdownWrite() override;
  net::IoResult WriteLast(std::span<const std::byte> bytes) override;
  void Close(net::CloseReason reason) override;
  bool Delivering(base::Duration) const override { return delivering_; }
  void SetDelivering(bool delivering) { delivering_ = delivering; }
  std::optional<base::Duration> HostSilence() const override {
    ++silence_asked_;
    return silence_;
  }
  int silence_asked() const { return silence_asked_; }
  void SetHostSilence(std::optional<base::Duration> silence) { silence_ = silence; }
  uint32_t TakenMark() const override { return taken_mark_; }
  // The peer's host has taken some of the bytes that are on their way.
  void TakeOnTheWay() { ++taken_mark_; }
  void LimitUnsent(size_t bytes) override { unsent_limit_ = bytes; }
  void LimitUnread(size_t bytes) override { unread_limit_ = bytes; }
  size_t unsent_limit() const { return unsent_limit_; }  // 0: none was set
  size_t unread_limit() const { return unread_limit_; }
  int error() const override { return error_; }

 private:
  friend class FakeStreamPair;
  struct Step {
    net::IoState state;  // kOk: `bytes` can be read
    std::string bytes;
    int error = 0;
    size_t taken = 0;  // of the bytes

    size_t left() const { return bytes.size() - taken; }
  };

  net::IoResult Fail(int error);
  bool Broken();

  std::deque<Step> script_;
  size_t read_limit_ = std::numeric_limits<size_t>::max();
  size_t write_limit_ = std::numeric_limits<size_t>::max();
  size_t room_ = std::numeric_limits<size_t>::max() / 2;
  int fail_at_ = std::numeric_limits<int>::max();
  int calls_ = 0;
  int error_ = 0;
  bool writes_broken_ = false;
  bool delivering_ = false;
  std::optional<base::Duration> silence_;
  mutable int silence_asked_ = 0;
  uint32_t taken_mark_ = 0;
  size_t unsent_limit_ = 0;
  size_t unread_limit_ = 0;
  std::string written_;
  std::string last_words_;
  bool write_shut_ = false;
  std::optional<net::CloseReason> close_reason_;
  event::Interest interest_;
  event::IoHandler* handler_ = nullptr;
  uint8_t tag_ = 0;
  FakeStream* peer_ = nullptr;  // of a pair: reads what is written here
};

// Two streams, each the other's peer: bytes, ends and resets arrive at once. `capacity` bytes may be under
// way in each direction; above it writes block until the other side has read.
class FakeStreamPair {
 public:
  explicit FakeStreamPair(size_t capacity = 1 << 20);
  FakeStreamPair(const FakeStreamPair&) = delete;
  FakeStreamPair& operator=(const FakeStreamPair&) = delete;

  FakeStream near;
  FakeStream far;
};

}  // namespace hawser::fakes
