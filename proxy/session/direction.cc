#include "proxy/session/direction.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/session/splice.h"
#include "proxy/ws/frame.h"

namespace hawser::session {
namespace {

using http::Reject;

// For an error of a stream that decodes: the connection still stands, and the peer gets a close frame. See
// net::ByteStream::error.
Reject UndecodableBy(int error) {
  if (error == EBADMSG) return Reject::kBadCompression;
  return error == ENOBUFS ? Reject::kNoCompressionContext : Reject::kNone;
}

}  // namespace

// How far Forward has come.
struct Direction::ForwardState {
  std::span<const std::byte> bytes;
  ws::ScanRules rules;
  Step step;
  size_t scanned = 0;        // bytes before this were judged
  size_t sent = 0;           // bytes before this were sent or dropped
  uint64_t frames_left = 0;  // that may be forwarded
  bool holds = false;        // the rest may not be forwarded yet

  std::span<const std::byte> rest() const { return bytes.subspan(scanned); }
  // The bytes that were scanned and not yet sent; from now on they count as sent.
  std::span<const std::byte> TakeScanned() {
    const size_t begin = std::exchange(sent, scanned);
    return bytes.subspan(begin, scanned - begin);
  }
};

ws::ScanRules Direction::Rules() const {
  const bool strict = settings.inspection == config::Inspection::kStrict;
  return {.expect_masked = from == Peer::kClient,
          .rsv1_allowed = content == Content::kDeflatedFrames,
          .max_frame_bytes = settings.max_frame_bytes.bytes,
          .max_message_bytes = settings.max_message_bytes.bytes,
          .validate_utf8 = settings.validate_utf8,
          .strictness = strict ? ws::Strictness::kStrict : ws::Strictness::kLenient};
}

// --- Reading ---

Direction::Step Direction::Read() {
  HAWSER_DCHECK(!source().forwards() || !sides.Of(to()).blocked());
  if (source().scanner().large()) {
    if (const auto spliced = ReadBySplice()) return *spliced;
  }
  event::Loop& loop = services.loop;
  const uint64_t spent = loop.spent();
  uint64_t most = settings.buffer.bytes;
  if (source().read_size().bounded() && source().forwards())
    most = source().read_size().Of(most, loop.left());
  const uint64_t allowed = pace == nullptr ? Meter::kNoLimit : pace->bytes.Available(loop.now());
  if (allowed < most && !pace->bytes.closes()) {
    if (allowed == 0) return Pause(pace->bytes);
    most = allowed;
  }
  const Side::ReadResult got = source().Read(loop.scratch(), most);
  Step step;
  if (got.read > 0) {
    Count(got.read);
    source().keepalive().Heard(loop.now());
    step = Forward(got.bytes);
    if (got.read > allowed && source().forwards()) step = Violated(ws::Violation::kByteRate);
    source().read_size().Note(got.read, loop.spent() - spent);
  }
  if (got.state == net::IoState::kError) step.reject = UndecodableBy(source().stream().error());
  if (step.reject != Reject::kNone) {
    step.event = Event::kUndecodable;
    source().Discard();
  }
  step.state = got.state;
  return step;
}

// Splices a part of a large frame without reading it. None: read it instead.
std::optional<Direction::Step> Direction::ReadBySplice() {
  if (!source().forwards() || source().carries() || pace != nullptr) return std::nullopt;
  const uint64_t messages = source().scanner().messages();
  const auto moved = Splice(source(), sides.Of(to()), Rules(), settings.buffer.bytes,
                            {services.pipe, services.buffers, services.loop.scratch()});
  if (!moved) return std::nullopt;
  if (moved->bytes == 0) return Step{.state = moved->state};
  source().keepalive().Heard(services.loop.now());
  Count(moved->bytes);
  services.loop.Spend(moved->bytes);
  if (!moved->read.empty()) return Forward(moved->read);
  services.stats.Add(stats::Metric::kSplicedBytes, moved->bytes);
  CountMessages(messages);
  if (moved->blocked) services.stats.Add(MetricsOf(from).pauses);
  if (sides.AtBoundaryTowards(to())) Inject();
  return Step{};
}

void Direction::Count(size_t bytes) {
  source().Count(bytes);
  services.stats.Add(MetricsOf(from).bytes, bytes);
  if (pace != nullptr) pace->bytes.Spend(services.loop.now(), bytes);
}

void Direction::CountMessages(uint64_t before) {
  const uint64_t whole = source().scanner().messages() - before;
  if (whole == 0) return;
  last_message = services.loop.now();
  services.stats.Add(MetricsOf(from).messages, whole);
}

// --- Forwarding ---

Direction::Step Direction::Forward(std::span<const std::byte> bytes) {
  if (!source().forwards()) return {};
  if (content == Content::kBytes) {
    last_message = services.loop.now();
    Send(bytes);
    return {};
  }
  ForwardState state{.bytes = bytes, .rules = Rules()};
  if (pace != nullptr) state.rules.max_messages = pace->messages.Available(services.loop.now());
  const uint64_t frames = FramesAllowed(bytes.size());
  state.frames_left = frames;
  const uint64_t messages_before = source().scanner().messages();
  while (ForwardNext(state)) {
  }
  services.loop.Spend((frames - state.frames_left) * event::Loop::kFrameWork);
  state.holds ? source().Hold(state.rest()) : source().Carry(state.rest());
  CountMessages(messages_before);
  return state.step;
}

// In one piece of `bytes`. The least is as many as the least read may hold, so that held bytes are an
// exception.
uint64_t Direction::FramesAllowed(size_t bytes) const {
  constexpr uint64_t kLeast = event::ReadSize::kLeast / 2;
  if (bytes <= event::ReadSize::kLeast) return kLeast;
  return std::max<uint64_t>(services.loop.left() / event::Loop::kFrameWork, kLeast);
}

// Scans to the next place where something has to be done, and does it. False: the rest waits, or is dropped.
bool Direction::ForwardNext(ForwardState& state) {
  ws::FrameScanner& scanner = source().scanner();
  const uint64_t begun = scanner.messages_begun();
  const bool is_due = sides.Of(to()).due() != Side::Due::kNothing;
  const ws::Scan scan = scanner.Advance(state.rest(), state.rules, is_due, state.frames_left);
  state.scanned += scan.bytes;
  SpendMessages(state, scanner.messages_begun() - begun);
  const bool ping = scan.stop == ws::Stop::kControl && scan.control.opcode == ws::Opcode::kPing;
  if (scan.stop == ws::Stop::kControl && !(ping && state.rules.max_messages == 0)) {
    ForwardControlFrame(state, scan);
    return source().forwards();
  }
  Send(state.TakeScanned());
  switch (scan.stop) {
    case ws::Stop::kInput: return false;
    case ws::Stop::kBoundary: Inject(); return true;
    case ws::Stop::kViolation: state.step = Violated(scan.violation); return false;
    case ws::Stop::kFrames:
      state.holds = true;
      state.step = {.event = Event::kHeld};
      return false;
    case ws::Stop::kMessage:
    case ws::Stop::kControl: break;  // too many messages or pings
  }
  HAWSER_DCHECK(pace != nullptr);
  const Meter& meter = pace->messages;
  state.holds = !meter.closes();
  state.step = meter.closes() ? Violated(ws::Violation::kMessageRate) : Pause(meter);
  return false;
}

// The peer's own pings, pongs and close frame are forwarded unchanged; pongs that answer hawser's pings are
// dropped.
void Direction::ForwardControlFrame(ForwardState& state, const ws::Scan& scan) {
  const ws::FrameHeader& header = scan.control;
  const auto frame = state.rest().first(scan.control_bytes);
  HAWSER_DCHECK(frame.size() == header.header_bytes + header.payload_bytes);
  std::array<std::byte, ws::kMaxControlPayload> plain;
  const std::span<std::byte> payload(plain.data(), header.payload_bytes);
  std::ranges::copy(frame.subspan(header.header_bytes), payload.begin());
  if (header.masked) ws::Unmask(payload, header.mask, 0);
  if (header.opcode == ws::Opcode::kPong && OnPong(payload)) {
    Send(state.TakeScanned());
    source().CountArrived(frame.size());
    state.scanned += frame.size();
    state.sent = state.scanned;
    return;
  }
  state.scanned += frame.size();
  if (header.opcode == ws::Opcode::kPing) {
    SpendMessages(state, 1);
    sides.Of(to()).keepalive().PassPing(payload, services.loop.now());
  }
  if (header.opcode != ws::Opcode::kClose) return;
  state.step = {.event = Event::kClose, .close_code = ws::ParseClose(payload).code};
  sides.SendLast(to(), state.TakeScanned(), services);
  source().ReceivedClose();
}

// Whether it answers a ping of hawser's own.
bool Direction::OnPong(std::span<const std::byte> payload) {
  ws::Keepalive& keepalive = source().keepalive();
  const uint32_t timed = keepalive.round_trips().count;
  if (!keepalive.TakePong(payload, services.loop.ReadClock())) return false;
  services.stats.Add(MetricsOf(from).pongs);
  const ws::RoundTrips trips = keepalive.round_trips();
  if (trips.count == timed) return true;  // the pong of an older ping
  services.stats.Observe(MetricsOf(from).rtt, std::chrono::microseconds(trips.last_us));
  return true;
}

void Direction::SpendMessages(ForwardState& state, uint64_t messages) {
  if (pace == nullptr || messages == 0) return;
  HAWSER_DCHECK(messages <= state.rules.max_messages);
  pace->messages.Spend(services.loop.now(), messages);
  state.rules.max_messages -= messages;
}

Direction::Step Direction::Pause(const Meter& spent) {
  HAWSER_DCHECK(pace != nullptr && !pace->paused());
  pace->resume_at = spent.RefilledAt();
  services.stats.Add(MetricsOf(from).slowdowns);
  return {.event = Event::kPaused};
}

Direction::Step Direction::Violated(ws::Violation violation) {
  source().Discard();
  return {.event = Event::kViolation, .violation = violation};
}

}  // namespace hawser::session
