#include "tests/fakes/fake_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hawser::fakes {

using net::IoResult;
using net::IoState;

void FakeStream::Feed(std::string_view bytes) {
  if (!bytes.empty()) script_.push_back({.state = IoState::kOk, .bytes = std::string(bytes)});
}

void FakeStream::FeedBlocked() {
  script_.push_back({.state = IoState::kBlocked, .bytes = {}});
}

void FakeStream::FeedEnd() {
  script_.push_back({.state = IoState::kEnd, .bytes = {}});
}

void FakeStream::FeedError(int error) {
  script_.push_back({.state = IoState::kError, .bytes = {}, .error = error});
}

bool FakeStream::Deliver() {
  if (closed() || handler_ == nullptr) return false;
  // Ends a wait in the script that the reader has seen, or that no reader waits for.
  while (script_.size() > 1 && script_.front().state == IoState::kBlocked) script_.pop_front();
  const bool failing = calls_ + 1 >= fail_at_;
  const bool to_read = failing || (!script_.empty() && script_.front().state != IoState::kBlocked);
  const event::Ready ready{.readable = interest_.read && to_read,
                           .writable = interest_.write && (failing || room_ > 0),
                           .tag = tag_};
  if (!ready.readable && !ready.writable) return false;
  handler_->OnReady(ready);
  return true;
}

std::string FakeStream::TakeWritten() {
  return std::exchange(written_, {});
}

size_t FakeStream::unread() const {
  size_t total = 0;
  for (const Step& step : script_) total += step.left();
  return total;
}

void FakeStream::Watch(event::IoHandler* handler, uint8_t tag) {
  handler_ = handler;
  tag_ = tag;
}

void FakeStream::Want(event::Interest interest) {
  if (!closed()) interest_ = interest;
}

IoResult FakeStream::Fail(int error) {
  error_ = error;
  return {0, IoState::kError};
}

bool FakeStream::Broken() {
  return ++calls_ >= fail_at_;
}

IoResult FakeStream::Read(std::span<std::byte> into) {
  if (closed()) return Fail(EBADF);
  if (Broken()) return Fail(ECONNRESET);
  if (script_.empty()) return {0, IoState::kBlocked};
  Step& step = script_.front();
  if (step.state == IoState::kBlocked) {
    script_.pop_front();
    return {0, IoState::kBlocked};
  }
  if (step.state == IoState::kEnd) return {0, IoState::kEnd};  // permanently
  if (step.state == IoState::kError) return Fail(step.error);
  const size_t count = std::min({into.size(), step.left(), read_limit_});
  std::memcpy(into.data(), step.bytes.data() + step.taken, count);
  step.taken += count;
  if (step.left() == 0) script_.pop_front();
  if (peer_ != nullptr) peer_->room_ += count;
  if (!script_.empty() && script_.front().state != IoState::kBlocked) return {count, IoState::kOk};
  if (!script_.empty()) script_.pop_front();  // this answer is the wait
  return {count, IoState::kBlocked};
}

IoResult FakeStream::Write(std::span<const std::byte> bytes) {
  if (closed()) return Fail(EBADF);
  if (Broken() || writes_broken_) return Fail(ECONNRESET);
  if (write_shut_ && !bytes.empty()) return Fail(EPIPE);
  const size_t count = std::min({bytes.size(), write_limit_, room_});
  const std::string_view taken(reinterpret_cast<const char*>(bytes.data()), count);
  written_.append(taken);
  room_ -= count;
  if (peer_ != nullptr && !peer_->closed()) peer_->Feed(taken);
  return {count, count == bytes.size() ? IoState::kOk : IoState::kBlocked};
}

void FakeStream::ShutdownWrite() {
  if (closed() || write_shut_) return;
  write_shut_ = true;
  if (peer_ != nullptr && !peer_->closed()) peer_->FeedEnd();
}

net::IoResult FakeStream::WriteLast(std::span<const std::byte> bytes) {
  last_words_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return ByteStream::WriteLast(bytes);
}

void FakeStream::Close(net::CloseReason reason) {
  if (closed()) return;
  close_reason_ = reason;
  interest_ = {};
  if (peer_ == nullptr || peer_->closed()) return;
  if (reason == net::CloseReason::kAbort) {
    peer_->FeedError(ECONNRESET);
  } else if (!write_shut_) {
    peer_->FeedEnd();
  }
}

FakeStreamPair::FakeStreamPair(size_t capacity) {
  near.peer_ = &far;
  far.peer_ = &near;
  near.room_ = far.room_ = capacity;
}

}  // namespace hawser::fakes
