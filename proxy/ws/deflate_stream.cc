#include "proxy/ws/deflate_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::ws {
namespace {

using net::IoResult;
using net::IoState;

// One slab takes what is left of an area, whichever way it goes.
using Area = std::array<std::byte, net::Slab::kBytes>;

// Reads of the client's stream in one call that gave nothing to hand on.
constexpr int kReadsPerCall = 4;

// What a byte costs, inflated and to be deflated, where a byte that is moved costs 1.
constexpr size_t kInflateWork = 4;
constexpr size_t kSwallowWork = 16;  // taken in, and nothing came of it: frames without payload, above all
constexpr size_t kDeflateWork = 16;

}  // namespace

DeflateStream::DeflateStream(event::Loop& loop, net::BufferPool& buffers, DeflatePool& pool,
                             std::unique_ptr<net::ByteStream> client, Options options,
                             std::span<const std::byte> early)
    : loop_(loop),
      buffers_(buffers),
      client_(std::move(client)),
      inflater_(pool, options.max_fragment),
      deflater_(pool, options.window_bits) {
  HAWSER_DCHECK(client_ != nullptr && options.max_fragment >= 1 && options.max_fragment <= 65535);
  ahead_.Append(buffers_, early);
}

DeflateStream::~DeflateStream() {
  Close(net::CloseReason::kOrderly);
}

// --- From the client ---

IoResult DeflateStream::Read(std::span<std::byte> into) {
  if (shutdown_pending_) FinishShutdown();
  if (closed_) return Fail(EBADF);
  if (fault_reported_) {
    error_ = 0;
    return client_->Read(into);
  }
  if (!ready_.empty()) return TakeReady(into);
  if (into.size() < FrameInflater::kLeastRoom) return ReadThroughArea(into);
  size_t made = 0;
  bool drained = false;  // the client's stream has no more for now
  for (int reads = 0; made == 0 && fault_ == 0 && !drained;) {
    size_t taken = 0;
    if (!ahead_.empty() || more_inside_) {
      made = Inflate(ahead_.front(), into, taken);
      ahead_.Consume(taken);
      continue;
    }
    if (++reads > kReadsPerCall || (reads > 1 && loop_.left() == 0)) break;
    Area area;
    const IoResult got = client_->Read(area);
    if (got.state == IoState::kEnd || got.state == IoState::kError) return got;
    drained = got.state == IoState::kBlocked;
    made = Inflate(std::span(area).first(got.bytes), into, taken);
    ahead_.Append(buffers_, std::span(area).first(got.bytes).subspan(taken));
  }
  return Report(made, drained);
}

// Returns how much of `into` was filled.
size_t DeflateStream::Inflate(std::span<const std::byte> in, std::span<std::byte> into, size_t& taken) {
  const FrameInflater::Step step = inflater_.Advance(in, into);
  taken = step.taken;
  more_inside_ = step.state == FrameInflater::State::kRoom;
  if (step.state == FrameInflater::State::kMalformed) fault_ = EBADMSG;
  if (step.state == FrameInflater::State::kNoContext) fault_ = ENOBUFS;
  if (fault_ != 0) taken = in.size();  // it will not be inflated
  loop_.Spend(step.made > 0 ? kInflateWork * step.made : kSwallowWork * taken);
  return step.made;
}

IoResult DeflateStream::Report(size_t made, bool drained) {
  if (made == 0 && fault_ != 0) {
    fault_reported_ = true;
    ahead_.Clear();
    return Fail(fault_);
  }
  AnnouncePending();
  if (made == 0) return {0, IoState::kBlocked};
  return {made, HasPending() || !drained ? IoState::kOk : IoState::kBlocked};
}

// For a span that may be too small for a frame: bytes that do not fit wait.
IoResult DeflateStream::ReadThroughArea(std::span<std::byte> into) {
  std::array<std::byte, 8 * FrameInflater::kLeastRoom> area;
  const IoResult got = Read(area);
  if (got.bytes == 0) return got;
  ready_.Append(buffers_, std::span(area).first(got.bytes));
  return TakeReady(into);
}

IoResult DeflateStream::TakeReady(std::span<std::byte> into) {
  HAWSER_DCHECK(!ready_.empty());
  const auto waiting = ready_.front();
  const size_t count = std::min(into.size(), waiting.size());
  std::copy_n(waiting.begin(), count, into.begin());
  ready_.Consume(count);
  AnnouncePending();
  return {count, IoState::kOk};
}

bool DeflateStream::HasPending() const {
  if (closed_ || fault_reported_) return false;
  return !ready_.empty() || !ahead_.empty() || more_inside_ || fault_ != 0;
}

// --- To the client ---

IoResult DeflateStream::Write(std::span<const std::byte> bytes) {
  if (closed_) return Fail(EBADF);
  if (shut_ && !bytes.empty()) return Fail(EPIPE);
  if (unsent_.broken()) return {0, IoState::kError};
  IoState state = FlushHeld();
  size_t taken = 0;
  while (state == IoState::kOk && taken < bytes.size()) {
    size_t piece = 0;
    state = DeflateAndSend(bytes.subspan(taken), piece);
    taken += piece;
  }
  if (state == IoState::kOk) state = FlushHeld();
  if (state == IoState::kOk && bytes.empty()) {
    state = client_->Write({}).state;
    if (state == IoState::kError) Break();
  }
  if (shutdown_pending_) FinishShutdown();
  if (state == IoState::kError) return {0, state};
  return {taken, state};
}

// Sends all bytes that are held here.
IoState DeflateStream::FlushHeld() {
  while (unsent_.blocked() || more_to_send_) {
    if (!unsent_.blocked()) {
      size_t none = 0;
      if (const IoState state = DeflateAndSend({}, none); state != IoState::kOk) return state;
      continue;
    }
    const IoState state = unsent_.Flush(*client_).state;
    if (state == IoState::kError) return Break();
    if (state == IoState::kBlocked) return state;
  }
  return IoState::kOk;
}

// One area of frames.
IoState DeflateStream::DeflateAndSend(std::span<const std::byte> bytes, size_t& taken) {
  HAWSER_DCHECK(!unsent_.blocked());
  Area area;
  const FrameDeflater::Step step = deflater_.Advance(bytes, area);
  taken = step.taken;
  loop_.Spend(kDeflateWork * step.taken);
  more_to_send_ = step.state == FrameDeflater::State::kRoom;
  return SendOn(std::span(area).first(step.made));
}

IoState DeflateStream::SendOn(std::span<const std::byte> frames) {
  if (frames.empty()) return IoState::kOk;
  const IoState state = unsent_.Write(*client_, buffers_, frames);
  return state == IoState::kError ? Break() : state;
}

IoState DeflateStream::Break() {
  more_to_send_ = false;
  unsent_.Abandon();
  deflater_.Release();
  error_ = 0;
  return IoState::kError;
}

IoResult DeflateStream::Fail(int error) {
  error_ = error;
  return {0, IoState::kError};
}

void DeflateStream::ShutdownWrite() {
  if (shut_ || closed_) return;
  shut_ = shutdown_pending_ = true;
  FinishShutdown();
}

void DeflateStream::FinishShutdown() {
  if (!unsent_.broken()) FlushHeld();
  shutdown_pending_ = unsent_.blocked() || more_to_send_;
  if (!shutdown_pending_) client_->ShutdownWrite();
  DelegateInterest();
}

void DeflateStream::Close(net::CloseReason reason) {
  if (closed_) return;
  if (reason == net::CloseReason::kOrderly && !unsent_.broken()) FlushHeld();
  if (handler_ != nullptr) loop_.CancelSoon(*handler_, tag_);
  handler_ = nullptr;
  closed_ = true;
  inflater_.Release();
  deflater_.Release();
  for (net::Buffer* held : {&ahead_, &ready_}) held->Clear();
  unsent_.Abandon();
  client_->Close(reason);
}

// --- Events ---

void DeflateStream::Watch(event::IoHandler* handler, uint8_t tag) {
  if (handler == handler_ && tag == tag_) return;
  if (handler_ != nullptr) loop_.CancelSoon(*handler_, tag_);
  announced_turn_ = kNever;
  handler_ = handler;
  tag_ = tag;
  client_->Watch(handler, tag);
  AnnouncePending();
}

void DeflateStream::Want(event::Interest interest) {
  wanted_ = interest;
  if (shutdown_pending_) FinishShutdown();
  if (!interest.read && announced_turn_ != kNever && handler_ != nullptr) {
    loop_.CancelSoon(*handler_, tag_);
    announced_turn_ = kNever;
  }
  DelegateInterest();
  AnnouncePending();
}

void DeflateStream::DelegateInterest() {
  const event::Interest interest{
      .read = wanted_.read, .write = wanted_.write || shutdown_pending_, .hang_up = wanted_.hang_up};
  if (interest == event::Interest{}) announced_turn_ = kNever;  // the loop forgets it with the registration
  client_->Want(interest);
}

// The client's stream does not report bytes that were already read from it. If some wait here and the owner
// wants to read, asks the loop for a call, once per turn.
void DeflateStream::AnnouncePending() {
  if (!wanted_.read || handler_ == nullptr || announced_turn_ == loop_.turn() || !HasPending()) return;
  announced_turn_ = loop_.turn();
  loop_.Soon(*handler_, {.readable = true, .tag = tag_});
}

}  // namespace hawser::ws
