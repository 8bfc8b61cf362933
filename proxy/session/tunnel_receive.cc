#include "proxy/session/tunnel.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hawser::session {
namespace {

using http::Reject;

// Of a stream that decodes what it carries: the peer is still there, and is to be told. See net::ByteStream::error.
Reject UndecodableBy(int error) {
  if (error == EBADMSG) return Reject::kBadCompression;
  return error == ENOBUFS ? Reject::kNoCompressionContext : Reject::kNone;
}

}  // namespace

// --- Receiving ---

bool Tunnel::MayReceive(Peer from) const {
  const Side& side = sides_[from];
  if (side.ended || side.closed) return false;
  if (side.deaf) return true;
  const Pace* pace = PaceOf(from);
  return !sides_[Other(from)].blocked && (pace == nullptr || !pace->paused());
}

void Tunnel::Count(Peer from, size_t bytes) {
  side(from).bytes += bytes;
  services_.stats.Add(from == kClient ? stats::Metric::kBytesToBackend : stats::Metric::kBytesToClient,
                      bytes);
  if (Pace* pace = PaceOf(from)) pace->bytes.Spend(services_.loop.now(), bytes);
}

void Tunnel::Receive(Peer from) {
  Side& source = side(from);
  ForwardHeld(from);
  for (int reads = 0; reads < kReadsPerTurn && MayReceive(from); ++reads) {
    if (const auto spliced = Splice(from)) {
      if (*spliced == net::IoState::kOk) continue;
      return OnReadStop(from, *spliced);
    }
    const std::span<std::byte> scratch = services_.loop.scratch();
    const size_t carried = source.carry.size();
    std::ranges::copy(source.carry.bytes(), scratch.begin());
    size_t most = std::min<size_t>(settings().buffer.bytes, scratch.size() - carried);
    const Pace* pace = PaceOf(from);
    const uint64_t allowed = pace == nullptr ? Meter::kNoLimit : pace->bytes.Available(services_.loop.now());
    if (allowed < most && !pace->bytes.closes()) {
      if (allowed == 0) return Pause(from, pace->bytes);
      most = allowed;
    }
    const net::IoResult got = source.stream->Read(scratch.subspan(carried, most));
    if (got.bytes > 0) {
      Count(from, got.bytes);
      source.keepalive.Heard(services_.loop.now());
      Forward(from, scratch.first(carried + got.bytes));
      if (got.bytes > allowed && !source.deaf) OnViolation(from, ws::Violation::kByteRate);
    }
    const Reject undecodable =
        got.state == net::IoState::kError ? UndecodableBy(source.stream->error()) : Reject::kNone;
    if (undecodable != Reject::kNone) return OnBrokenRule(from, undecodable);
    if (got.state != net::IoState::kOk) return OnReadStop(from, got.state);
  }
}

// There is nothing more to read for now; from a peer to which a write failed, nothing more for ever: that is its end, once
// what was read before need not wait any more.
void Tunnel::OnReadStop(Peer from, net::IoState state) {
  if (side(from).broken) {
    if (MayReceive(from)) OnEnd(from, net::IoState::kError);
  } else if (state != net::IoState::kBlocked) {
    OnEnd(from, state);
  }
}

void Tunnel::CountMessages(Peer from, uint64_t before) {
  const uint64_t whole = side(from).scanner.messages() - before;
  if (whole == 0) return;
  last_message_ = services_.loop.now();
  services_.stats.Add(from == kClient ? stats::Metric::kMessagesToBackend : stats::Metric::kMessagesToClient,
                      whole);
}

// Sends on what may be sent of `bytes`, in as few pieces as injected and swallowed frames allow, and keeps the rest
// (an unfinished header or control frame) for the next read.
void Tunnel::Forward(Peer from, std::span<const std::byte> bytes) {
  if (is_pipe()) return Relay(from, bytes);
  Side& source = side(from);
  Passage passage{.from = from, .bytes = bytes, .rules = RulesFor(from), .pace = PaceOf(from)};
  if (passage.pace != nullptr)
    passage.rules.max_messages = passage.pace->messages.Available(services_.loop.now());
  const uint64_t messages_before = source.scanner.messages();
  while (!source.deaf && Advance(passage)) {
  }
  source.carry.Assign(source.deaf ? std::span<const std::byte>() : bytes.subspan(passage.scanned));
  CountMessages(from, messages_before);
}

// To the next place where something is to be done, and does it. False: the rest waits.
bool Tunnel::Advance(Passage& passage) {
  const Peer from = passage.from;
  const Peer to = Other(from);
  ws::FrameScanner& scanner = side(from).scanner;
  const uint64_t begun = scanner.messages_begun();
  const ws::Scan scan =
      scanner.Advance(passage.bytes.subspan(passage.scanned), passage.rules, HasInjection(to));
  passage.scanned += scan.bytes;
  SpendMessages(passage, scanner.messages_begun() - begun);
  const bool ping = scan.stop == ws::Stop::kControl && scan.control.opcode == ws::Opcode::kPing;
  if (scan.stop == ws::Stop::kControl && !(ping && passage.rules.max_messages == 0)) {
    PassControlFrame(passage, scan);
    return true;
  }
  SendScanned(passage);
  switch (scan.stop) {
    case ws::Stop::kInput: return false;
    case ws::Stop::kBoundary: Inject(to); return true;
    case ws::Stop::kViolation: OnViolation(from, scan.violation); return true;
    case ws::Stop::kMessage:
    case ws::Stop::kControl: break;  // a message or a ping too many
  }
  if (passage.pace->messages.closes()) {
    OnViolation(from, ws::Violation::kMessageRate);
    return true;
  }
  passage.pace->holding = true;
  Pause(from, passage.pace->messages);
  return false;
}

void Tunnel::PassControlFrame(Passage& passage, const ws::Scan& scan) {
  if (scan.control.opcode == ws::Opcode::kPing) SpendMessages(passage, 1);
  const bool forward =
      OnControlFrame(passage.from, scan.control, passage.bytes.subspan(passage.scanned, scan.control_bytes));
  if (!forward) SendScanned(passage);
  passage.scanned += scan.control_bytes;
  if (!forward) passage.sent = passage.scanned;
  if (scan.control.opcode != ws::Opcode::kClose) return;
  SendLast(Other(passage.from), TakeScanned(passage));
  side(passage.from).deaf = true;
  side(passage.from).parted = true;
}

void Tunnel::SendScanned(Passage& passage) {
  Send(Other(passage.from), TakeScanned(passage));
}

std::span<const std::byte> Tunnel::TakeScanned(Passage& passage) {
  const size_t begin = std::exchange(passage.sent, passage.scanned);
  return passage.bytes.subspan(begin, passage.scanned - begin);
}

void Tunnel::SpendMessages(Passage& passage, uint64_t messages) {
  if (passage.pace == nullptr || messages == 0) return;
  passage.pace->messages.Spend(services_.loop.now(), messages);
  passage.rules.max_messages -= messages;
}

void Tunnel::Relay(Peer from, std::span<const std::byte> bytes) {
  if (side(from).deaf) return;
  last_message_ = services_.loop.now();
  Send(Other(from), bytes);
}

// Returns whether the frame is to be forwarded.
bool Tunnel::OnControlFrame(Peer from, const ws::FrameHeader& header, std::span<const std::byte> frame) {
  std::array<std::byte, 125> payload;
  const auto masked = frame.subspan(header.header_bytes);
  std::copy(masked.begin(), masked.end(), payload.begin());
  const std::span<std::byte> plain(payload.data(), masked.size());
  if (header.masked) ws::Unmask(plain, header.mask, 0);
  if (header.opcode == ws::Opcode::kPing) {
    side(Other(from)).keepalive.PassPing(plain, services_.loop.now());
    return true;
  }
  if (header.opcode == ws::Opcode::kPong) {
    if (!TakePong(from, plain)) return true;
    side(from).arrived += static_cast<uint32_t>(frame.size());  // it goes no further
    return false;
  }
  const uint16_t code = ws::ParseClose(plain).code;
  if (state_ == State::kOpen)
    BeginClosing(from == kClient ? ClosedBy::kClient : ClosedBy::kBackend, Reject::kNone, code);
  return true;
}

// Whether it answers a ping of hawser's own.
bool Tunnel::TakePong(Peer from, std::span<const std::byte> payload) {
  const uint32_t timed = side(from).keepalive.round_trips().count;
  if (!side(from).keepalive.TakePong(payload, services_.loop.ReadClock())) return false;
  const bool client = from == kClient;
  services_.stats.Add(client ? stats::Metric::kPongsFromClient : stats::Metric::kPongsFromBackend);
  const ws::RoundTrips trips = side(from).keepalive.round_trips();
  if (trips.count == timed) return true;  // the pong of an older ping
  services_.stats.Observe(client ? stats::Histogram::kRttClient : stats::Histogram::kRttBackend,
                          std::chrono::microseconds(trips.last_us));
  return true;
}

// --- Rates ---

// Once the end has begun nothing is held back any more: close_timeout bounds what can still come.
Pace* Tunnel::PaceOf(Peer from) const {
  if (paces_ == nullptr || state_ != State::kOpen) return nullptr;
  return from == kClient ? &paces_->from_client : &paces_->from_backend;
}

void Tunnel::Pause(Peer from, const Meter& spent) {
  PaceOf(from)->resume_at = spent.RefilledAt();
  services_.stats.Add(from == kClient ? stats::Metric::kSlowdownsOfClient
                                      : stats::Metric::kSlowdownsOfBackend);
  ArmTimer();
}

// What was read and had to wait, if it may go on now.
void Tunnel::ForwardHeld(Peer from) {
  if (paces_ == nullptr || !MayReceive(from)) return;
  Pace& pace = from == kClient ? paces_->from_client : paces_->from_backend;
  if (!std::exchange(pace.holding, false)) return;
  const net::Remainder held = std::exchange(side(from).carry, {});
  Forward(from, held.bytes());
}

void Tunnel::Resume(Peer from) {
  Pace* const pace = PaceOf(from);
  if (pace == nullptr || !pace->paused() || services_.loop.now() < pace->resume_at) return;
  pace->resume_at = base::TimePoint::min();
  Receive(from);
}

}  // namespace hawser::session
