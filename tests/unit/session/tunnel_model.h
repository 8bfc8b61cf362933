// A tunnel between two peers whose every move is drawn from a source of choices: what they send and in which
// pieces, how much they take and when, when pings are due, who ends and how, when hawser itself ends it.
// Afterwards it is checked that what each peer received is what the other sent, in order and to the byte,
// plus whole frames of hawser's own at legal places. The property test draws from a random generator, the
// fuzzer from its input. Every turn of the loop is a millisecond.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/session/tunnel_harness.h"
#include "tests/unit/session/wire_parser.h"

namespace hawser::session {

// Any number below `limit`, which is at least 1.
using Choose = std::function<uint32_t(uint32_t limit)>;

class ModelPeer {
 public:
  ModelPeer(Choose& choose, fakes::FakeStream& stream, bool client)
      : choose_(choose), stream_(stream), client_(client) {}

  // No frame has a payload of more bytes. Where a call moves few bytes, large frames would take all the time
  // there is.
  void LimitPayload(size_t bytes) { longest_ = bytes; }

  // Puts the next piece of what this peer sends on the wire; makes up a frame when there is none.
  void SendPiece() {
    if (ended_) return;
    if (waiting().empty()) NextFrame();
    Feed(1 + choose_(choose_(3) == 0 ? 20000 : 40));
  }
  void SendRest() {
    FeedAll();
    if (inside_ && !closed_) SendFrame({.opcode = 0, .payload = "end"});
    inside_ = false;
    FeedAll();
  }
  // Ends its direction where it stands, inside a frame perhaps.
  void End(bool reset) {
    if (ended_) return;
    ended_ = true;
    reset_ = reset;
    reset ? stream_.FeedError(ECONNRESET) : stream_.FeedEnd();
  }
  void SendClose() {
    if (ended_ || closed_) return;
    FeedAll();
    SendFrame(
        {.opcode = 8,
         .payload = choose_(2) == 0 ? "" : ClosePayload(3000 + static_cast<int>(choose_(2000)), "bye")});
    closed_ = true;
  }

  // Reads what has been received so far; answers hawser's pings, if `answers`, and most of the other peer's.
  void Hear(bool answers) {
    received_.Feed(stream_.written());
    for (; heard_ < received_.frames().size(); ++heard_) {
      const WireFrame& frame = received_.frames()[heard_];
      if (IsOurPing(frame) && answers && !ended_ && !closed_)
        SendFrame({.opcode = 10, .payload = frame.payload}, false);
      if (frame.opcode == 9 && !IsOurPing(frame) && answers && !ended_ && !closed_ && choose_(4) != 0)
        SendFrame({.opcode = 10, .payload = frame.payload});
    }
  }

  static bool IsOurPing(const WireFrame& frame) {
    return frame.opcode == 9 && frame.payload.starts_with("hawser");
  }

  bool ended() const { return ended_; }
  bool reset() const { return reset_; }
  bool closed() const { return closed_; }
  bool client() const { return client_; }
  const WireParser& received() const { return received_; }

  // What the tunnel may pass on of what was fed: whole control frames, and data from the end of its header
  // on; without the pongs that answer hawser's pings, and nothing behind a close frame.
  std::string Forwardable() const {
    std::string bytes;
    size_t at = 0;
    for (const Sent& frame : sent_) {
      const size_t fed = fed_ < at ? 0 : std::min(frame.bytes.size(), fed_ - at);
      at += frame.bytes.size();
      const bool whole = fed == frame.bytes.size();
      if (fed < frame.header || (frame.control && !whole)) break;
      if (frame.forwarded) bytes += frame.bytes.substr(0, fed);
      if (!whole || frame.close) break;
    }
    return bytes;
  }

 private:
  std::string_view waiting() const { return std::string_view(outgoing_).substr(fed_); }
  void Feed(size_t most) {
    const std::string_view piece = waiting().substr(0, most);
    stream_.Feed(piece);
    fed_ += piece.size();
  }
  void FeedAll() { Feed(outgoing_.size()); }

  struct Sent {
    std::string bytes;
    size_t header;
    bool control;
    bool close;
    bool forwarded;
  };

  void SendFrame(ws::FrameSpec spec, bool forwarded = true) {
    if (client_)
      spec.mask =
          ws::Mask{static_cast<uint8_t>(choose_(256)), 0x22, 0x33, static_cast<uint8_t>(choose_(256))};
    const std::string bytes = Text(ws::Build(spec));
    sent_.push_back({.bytes = bytes,
                     .header = bytes.size() - spec.payload.size(),
                     .control = spec.opcode >= 8,
                     .close = spec.opcode == 8,
                     .forwarded = forwarded});
    outgoing_ += bytes;
  }

  void NextFrame() {
    if (closed_) return SendFrame({.opcode = 2, .payload = "too late"});
    if (choose_(6) == 0) {
      return SendFrame(
          {.opcode = 9 + static_cast<int>(choose_(2)), .payload = std::string(choose_(126), 'c')});
    }
    constexpr size_t kSizes[] = {0, 1, 3, 125, 126, 127, 1000, 65535, 65536, 100'000};
    constexpr std::string_view kCharacters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    ws::FrameSpec spec{.opcode = inside_ ? 0 : 1 + static_cast<int>(choose_(2)), .fin = choose_(3) != 0};
    if (!inside_) text_ = spec.opcode == 1;
    size_t size = kSizes[choose_(choose_(4) == 0 ? 10 : 7)];
    if (size > 1000 && std::exchange(had_large_, true)) size = 1000;
    const std::string_view character = text_ ? kCharacters[choose_(4)] : "\xff";
    spec.payload = Repeated(character, std::min(size, longest_));
    inside_ = !spec.fin;
    SendFrame(std::move(spec));
  }

  // At least `size` bytes of it, and whole characters.
  static std::string Repeated(std::string_view character, size_t size) {
    std::string text(character.substr(0, size > 0 ? character.size() : 0));
    while (text.size() < size)
      text.append(text, 0, (size - text.size() + character.size() - 1) / character.size() * character.size());
    return text;
  }

  Choose& choose_;
  fakes::FakeStream& stream_;
  const bool client_;
  std::deque<Sent> sent_;
  std::string outgoing_;  // all of it
  size_t fed_ = 0;        // of it, so far
  size_t longest_ = 100'000;
  bool had_large_ = false;
  bool inside_ = false;  // a fragmented message
  bool text_ = false;    // which it is
  bool closed_ = false;
  bool ended_ = false;
  bool reset_ = false;
  WireParser received_;
  size_t heard_ = 0;
};

// What `peer` received of what `other` sent.
inline std::string WithoutOurs(const ModelPeer& peer) {
  std::string bytes;
  for (const WireFrame& frame : peer.received().frames()) {
    const bool ours = ModelPeer::IsOurPing(frame);
    if (!ours) bytes += frame.bytes;
    EXPECT_EQ(frame.masked, !peer.client()) << "a frame of hawser's own is masked as its direction needs";
  }
  return bytes + peer.received().rest();
}

class TunnelModel {
 public:
  TunnelModel(Choose choose, std::shared_ptr<SteppedLoop> turns)
      : choose_(std::move(choose)), harness_(Settings(), {}, std::move(turns)) {}

  void Run() {
    constexpr size_t kMostCalls = 256;  // for one frame
    size_t smallest = 5000;
    for (fakes::FakeStream* stream : {&harness_.client(), &harness_.backend()}) {
      const size_t reads = 1 + choose_(5000);
      const size_t writes = 1 + choose_(5000);
      stream->LimitReads(reads);
      stream->LimitWrites(writes);
      stream->SetRoom(choose_(3000));
      smallest = std::min({smallest, reads, writes});
    }
    client_.LimitPayload(kMostCalls * smallest);
    backend_.LimitPayload(kMostCalls * smallest);
    harness_.Start();
    const uint32_t steps = 20 + choose_(180);
    for (uint32_t step = 0; step < steps && !harness_.ended(); ++step) Step();
    Quiesce();
    Check(client_, backend_);
    Check(backend_, client_);
    if (!harness_.ended()) Finish();
  }

 private:
  config::WebSocket Settings() {
    config::WebSocket settings{.keepalive = {.interval = base::Duration(1), .timeout = base::Duration(0)}};
    settings.close_timeout = std::chrono::hours(1);
    settings.buffer.bytes = 1 + choose_(70'000);
    if (choose_(4) == 0) {
      settings.message_rate.from_client = config::MessageRateLimit{.rate = {2000}, .burst = 1 + choose_(3)};
    }
    if (choose_(4) == 0) {
      settings.byte_rate.from_backend =
          config::ByteRateLimit{.rate = {1e8}, .burst = config::ByteSize{4000 + choose_(20'000)}};
    }
    return settings;
  }

  ModelPeer& Any() { return choose_(2) == 0 ? client_ : backend_; }
  fakes::FakeStream& AnyStream() { return choose_(2) == 0 ? harness_.client() : harness_.backend(); }

  void Step() {
    switch (choose_(40)) {
      case 0:
        if (choose_(4) == 0) Any().End(choose_(2) == 0);
        return;
      case 1:
        if (choose_(4) == 0) Any().SendClose();
        return;
      case 2:
        if (choose_(8) != 0) return;
        ended_by_hawser_ = true;
        return harness_.tunnel()->End(choose_(2) == 0 ? http::Reject::kDrained : http::Reject::kMaxDuration);
      case 3:
      case 4: return Turn();
      default: break;
    }
    switch (choose_(4)) {
      case 0: return Any().SendPiece();
      case 1: return AnyStream().AddRoom(choose_(4000));
      default: AnyStream().Deliver();
    }
    client_.Hear(true);  // the streams live until the next turn
    backend_.Hear(true);
  }

  // The streams die with the tunnel at the end of a turn; what they took is heard before.
  void Turn() {
    harness_.Turn(base::Duration(1));
    if (harness_.ended()) return;
    client_.Hear(true);
    backend_.Hear(true);
  }

  // Both peers send and read everything, until nothing has moved for a while.
  void Quiesce() {
    int quiet = 0;
    for (int round = 0; round < 4000 && quiet < 5 && !harness_.ended(); ++round) {
      for (ModelPeer* peer : {&client_, &backend_}) {
        if (!peer->ended()) peer->SendRest();
      }
      harness_.client().AddRoom(1 << 20);
      harness_.backend().AddRoom(1 << 20);
      harness_.Settle();
      client_.Hear(true);
      backend_.Hear(true);
      const bool empty =
          harness_.client().unread() + harness_.backend().unread() + harness_.buffers().in_use() == 0;
      quiet = empty ? quiet + 1 : 0;
      if (!harness_.ended()) Turn();
    }
    harness_.Settle();  // of the last turn's pings
    client_.Hear(false);
    backend_.Hear(false);
  }

  void Check(const ModelPeer& peer, const ModelPeer& other) {
    const std::string_view who = peer.client() ? "the client" : "the backend";
    std::string got = WithoutOurs(peer);
    const std::string sent = other.Forwardable();
    const auto& frames = peer.received().frames();
    for (size_t i = 0; i < frames.size(); ++i) {
      EXPECT_TRUE(frames[i].opcode != 8 || i + 1 == frames.size())
          << who << " heard something behind a close frame";
    }
    const bool close = !frames.empty() && frames.back().opcode == 8 && peer.received().rest().empty();
    const bool complete = got == sent;
    if (!complete && close) got.resize(got.size() - frames.back().bytes.size());  // then it is hawser's own
    // To a peer that resets, a frame of hawser's own may be under way.
    if (peer.reset() && !sent.starts_with(got)) got.resize(got.size() - peer.received().rest().size());
    EXPECT_TRUE(sent.starts_with(got)) << who << " received something that was not sent";
    const bool calm = !ended_by_hawser_ && !peer.ended() && !other.ended() && !peer.closed();
    EXPECT_TRUE(!calm || complete) << who << " has " << got.size() << " of " << sent.size() << " bytes";
    const bool orderly = !harness_.ended() && !ended_by_hawser_ && !peer.ended() && !peer.closed() &&
                         other.ended() && !other.reset();
    EXPECT_TRUE(!orderly || got == sent) << who << " lost what came before the end";
  }

  // When hawser has ended it and both peers are gone, so is the tunnel.
  void Finish() {
    harness_.tunnel()->End(http::Reject::kDrained);
    client_.End(false);
    backend_.End(false);
    harness_.Settle();
    EXPECT_TRUE(harness_.ended()) << "it outlives both its peers";
  }

  Choose choose_;
  TunnelHarness harness_;
  ModelPeer client_{choose_, harness_.client(), true};
  ModelPeer backend_{choose_, harness_.backend(), false};
  bool ended_by_hawser_ = false;
};

}  // namespace hawser::session
